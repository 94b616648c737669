import { Kysely, PostgresDialect } from "kysely";
import { Migrator } from "kysely/migration";
import pg from "pg";
import { inLanes } from "../measuring/lanes.ts";
import { fleetBlueprint, roundName, roundStatements } from "./blueprint.ts";
import { LANES } from "./site.ts";

/** The limit: the same statements and the ledger's row, one text and one transaction a tenant, by bare clients. @returns seconds */
export async function bareClients(
  databaseUrl: string,
  schemas: readonly string[],
  round: number,
): Promise<number> {
  const clients = await Promise.all(
    Array.from({ length: LANES }, async () => {
      const client = new pg.Client({ connectionString: databaseUrl, options: "-c jit=off" });
      await client.connect();
      return client;
    }),
  );
  const ledger = `insert into kysely_migration (name, timestamp) values ('${roundName(round)}', '${new Date().toISOString()}')`;
  const statements = [...roundStatements(round), ledger].join(";\n");
  const begun = performance.now();
  let next = 0;
  await Promise.all(
    clients.map(async (client) => {
      for (let schema = schemas[next++]; schema !== undefined; schema = schemas[next++]) {
        await client.query(`BEGIN; SET LOCAL search_path = ${schema};\n${statements};\nCOMMIT`);
      }
    }),
  );
  const seconds = (performance.now() - begun) / 1000;
  await Promise.all(clients.map((client) => client.end()));
  return seconds;
}

/** An ordinary way: Kysely's own Migrator in each tenant's schema. @returns seconds */
export async function kyselyMigrator(
  databaseUrl: string,
  schemas: readonly string[],
  round: number,
): Promise<number> {
  const migrations = Object.fromEntries(fleetBlueprint(round).migrations.map((each) => [each.name, each]));
  const begun = performance.now();
  let next = 0;
  // One at a time: its lock is one for a whole database.
  await inLanes(1, schemas.length, async () => {
    const schema = schemas[next++] ?? "";
    const pool = new pg.Pool({
      connectionString: databaseUrl,
      max: 1,
      options: `-c jit=off -c search_path=${schema}`,
    });
    // The types of the tables are the blueprint's own affair.
    const db = new Kysely<never>({ dialect: new PostgresDialect({ pool }) });
    try {
      const provider = { getMigrations: async () => migrations };
      const { error } = await new Migrator({ db, provider, migrationTableSchema: schema }).migrateToLatest();
      if (error !== undefined) throw error;
    } finally {
      await db.destroy();
    }
  });
  return (performance.now() - begun) / 1000;
}
