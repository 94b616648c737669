import { describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../../test/support/database.ts";
import { createPool } from "../pool.ts";
import { ControlSchemaNewerError, migrateControlSchema } from "./migrate.ts";

const { url } = await createTestDatabase();

function open() {
  return createPool({
    connectionString: url,
    applicationName: "test",
    max: 1,
    statementTimeout: 30_000,
    lockTimeout: 30_000,
    idleInTransactionTimeout: 15_000,
    onConnectionLost: () => undefined,
  });
}

describe("the control schema", () => {
  it("is migrated once when twenty processes start at once", async () => {
    const pools = Array.from({ length: 20 }, open);
    const outcomes = await Promise.all(pools.map(migrateControlSchema));
    await Promise.all(pools.map((pool) => pool.end()));
    const workers = outcomes.filter((outcome) => outcome.applied.length > 0);
    expect(workers).toHaveLength(1);
    await withAdmin(url, async (client) => {
      const ledger = await client.query("SELECT name FROM tenantry.kysely_migration ORDER BY name");
      expect(ledger.rows.map((row) => row.name)).toEqual(workers[0]?.applied);
    });
  });

  it("gives PUBLIC nothing", async () => {
    const rights = await withAdmin(url, (client) =>
      client.query("SELECT has_schema_privilege('public', 'tenantry', 'USAGE') AS usage"),
    );
    expect(rights.rows).toEqual([{ usage: false }]);
  });

  it("is left alone by a version that is older than it", async () => {
    await withAdmin(url, (client) =>
      client.query("INSERT INTO tenantry.kysely_migration VALUES ('9999_from_the_future', now()::text)"),
    );
    const pool = open();
    await expect(migrateControlSchema(pool)).rejects.toThrow(ControlSchemaNewerError);
    await pool.end();
  });
});
