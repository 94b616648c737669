import { erp } from "@tenantry/schema/blueprints/erp";
import { Kysely, PostgresDialect } from "kysely";
import { Migrator } from "kysely/migration";
import pg from "pg";
import type { Contender } from "./contender.ts";
import { peerOptions } from "./peer-role.ts";
import { type SampleTenant, sampleTenant } from "./sample-tenant.ts";

/**
 * (b) An ordinary way: Kysely's own Migrator runs the blueprint's migrations in the tenant's schema, then Kysely writes
 * the default data. It makes no role, grants nothing and hashes nothing.
 */
export const kyselyMigrator: Contender = {
  name: "Kysely Migrator",
  kind: "peer",
  growsWithCatalog: true,
  inFlightPerWorker: 1,
  open: async ({ databaseUrl }) => {
    const options = await peerOptions(databaseUrl);
    return {
      createTenant: async () => {
        await migrateAndSeed(databaseUrl, options, sampleTenant());
        return {};
      },
      close: async () => undefined,
    };
  },
};

async function migrateAndSeed(
  databaseUrl: string,
  options: string,
  { schema, seed }: SampleTenant,
): Promise<void> {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: 1,
    options: `${options} -c search_path=${schema}`,
  });
  // The types of the tables are the blueprint's own affair.
  const db = new Kysely<never>({ dialect: new PostgresDialect({ pool }) });
  try {
    const migrator = new Migrator({
      db,
      provider: { getMigrations: async () => migrations },
      migrationTableSchema: schema,
    });
    const { error } = await migrator.migrateToLatest();
    if (error !== undefined) throw error;
    await db.transaction().execute(async (transaction) => {
      await erp.commonSeed?.(transaction);
      await erp.seed(transaction, seed);
    });
  } finally {
    await db.destroy();
  }
}

const migrations = Object.fromEntries(erp.migrations.map((migration) => [migration.name, migration]));
