import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileSeed } from "@tenantry/schema";
import { erp } from "@tenantry/schema/blueprints/erp";
import { runner } from "node-pg-migrate";
import pg from "pg";
import type { Contender } from "./contender.ts";
import { peerOptions } from "./peer-role.ts";
import { compiledErp, type SampleTenant, sampleTenant } from "./sample-tenant.ts";

/** How `compileBlueprint` ends a statement. */
const STATEMENT_END = "\n;\n";

/**
 * (b) An ordinary way: node-pg-migrate with `--create-schema`, its migrations written with its builder, which sends one
 * statement after the other. The statements are the blueprint's own. No role, no grants, no hashing.
 */
export const nodePgMigrate = contender("node-pg-migrate", "js", (sql) =>
  [
    "export const up = (pgm) => {",
    ...statements(sql).map((statement) => `  pgm.sql(${JSON.stringify(statement)});`),
    "};",
  ].join("\n"),
);

/** (b) The same with its SQL files: one message for each migration, so nearly what Tenantry does with all of them. */
export const nodePgMigrateSql = contender("node-pg-migrate, SQL files", "sql", (sql) => sql);

function contender(name: string, extension: string, write: (sql: string) => string): Contender {
  return {
    name,
    kind: "peer",
    growsWithCatalog: false,
    inFlightPerWorker: 1,
    open: async ({ databaseUrl }) => {
      const options = await peerOptions(databaseUrl);
      const directory = await mkdtemp(join(tmpdir(), "tenantry-bench-migrations-"));
      for (const migration of compiledErp.migrations) {
        await writeFile(join(directory, `${migration.name}.${extension}`), write(migration.sql));
      }
      return {
        createTenant: async () => {
          await migrateAndSeed(databaseUrl, options, directory, sampleTenant());
          return {};
        },
        close: () => rm(directory, { recursive: true, force: true }),
      };
    },
  };
}

async function migrateAndSeed(
  databaseUrl: string,
  options: string,
  directory: string,
  tenant: SampleTenant,
): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl, options });
  await client.connect();
  try {
    await runner({
      dbClient: client,
      dir: directory,
      direction: "up",
      schema: tenant.schema,
      createSchema: true,
      migrationsTable: "pgmigrations",
      // Its lock is one for the whole database; given one for each tenant, several can be made at once.
      lockValue: Number.parseInt(tenant.id.slice(0, 8), 16),
      log: () => undefined,
    });
    const seed = compiledErp.commonSeedScript + (await compileSeed(erp, tenant.seed));
    await client.query("BEGIN");
    for (const statement of statements(seed)) await client.query(statement);
    await client.query("COMMIT");
  } finally {
    await client.end();
  }
}

function statements(script: string): string[] {
  return script.split(STATEMENT_END).filter((statement) => statement !== "");
}
