import { randomBytes } from "node:crypto";
import { afterAll, describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../test/support/database.ts";
import { compileBlueprint, ledgerTablesScript } from "./blueprint/compile.ts";
import { roleSettingScript } from "./blueprint/tenant-rights.ts";
import { booking } from "./blueprints/booking/index.ts";
import { erp } from "./blueprints/erp/index.ts";
import { locksToMake, measureSchema, measureServer } from "./capacity.ts";
import { quoteIdentifier } from "./identifier.ts";
import { createPool } from "./pool.ts";

const { url, adminUrl } = await createTestDatabase();
const pool = createPool({
  connectionString: adminUrl,
  applicationName: "tenantry-test-capacity",
  max: 1,
  statementTimeout: 60_000,
  lockTimeout: 10_000,
  idleInTransactionTimeout: 60_000,
  onConnectionLost: () => undefined,
});
afterAll(() => pool.end());

describe("what a tenant costs", () => {
  it.each([erp, booking])("in locks is known before it is made: $name", async (blueprint) => {
    const compiled = await compileBlueprint(blueprint);
    const taken = await withAdmin(adminUrl, async (client) => {
      const role = quoteIdentifier(`role_${randomBytes(6).toString("hex")}`);
      await client.query(
        `BEGIN; CREATE ROLE ${role}; CREATE SCHEMA made; SET LOCAL search_path = made; ${roleSettingScript(role.slice(1, -1))}`,
      );
      await client.query(`${ledgerTablesScript()}${compiled.createScript}${compiled.commonSeedScript}`);
      const { rows } = await client.query<{ locks: number }>(
        "SELECT count(*)::int AS locks FROM pg_locks WHERE pid = pg_backend_pid() AND NOT fastpath",
      );
      await client.query("ROLLBACK");
      return rows[0]?.locks ?? 0;
    });
    expect(locksToMake(compiled)).toBeGreaterThanOrEqual(taken);
    expect(locksToMake(compiled)).toBeLessThan(taken * 2);
  });

  it("on disk is what lies in its schema, with all that belongs to its tables", async () => {
    await withAdmin(adminUrl, (client) =>
      client.query(`CREATE SCHEMA measured; CREATE TABLE measured.notes (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text);
        CREATE SCHEMA other; CREATE TABLE other.notes (id int PRIMARY KEY);
        INSERT INTO measured.notes (body) SELECT repeat('x', 100) FROM generate_series(1, 10000)`),
    );
    // The table, its key, its sequence, its TOAST table and that one's index; beside them the table's map of free room.
    const measured = await measureSchema(pool, "measured");
    expect(measured).toMatchObject({ relations: 5 });
    expect(measured?.files).toBeGreaterThan(5);
    const { rows } = await pool.query<{ bytes: string }>(
      "SELECT (pg_total_relation_size('measured.notes') + pg_relation_size('measured.notes_id_seq'))::text AS bytes",
    );
    expect(measured?.bytes).toBe(Number(rows[0]?.bytes));
    expect(await measureSchema(pool, "not_there")).toBeNull();
  });
});

it("a server tells what it has room for", async () => {
  const server = await measureServer(pool);
  expect(server.connections.used).toBeGreaterThanOrEqual(1);
  expect(server.connections.most).toBeGreaterThan(server.connections.used);
  expect(server.locks.room).toBeGreaterThanOrEqual(server.locks.perTransaction * server.connections.most);
  expect(server.catalogs.map(({ name }) => name)).toContain("pg_attribute");
  for (const { bytes } of server.catalogs) expect(bytes).toBeGreaterThan(0);
});

it("a server's connections are everybody's, also of logins that ours may not look at", async () => {
  await pool.query("SELECT 1");
  const used = await withAdmin(url, async (client) => {
    const { rows } = await client.query<{ visible: number }>(
      "SELECT count(*)::int AS visible FROM pg_stat_activity WHERE backend_type = 'client backend'",
    );
    const { connections } = await measureServer(client);
    return { visible: rows[0]?.visible, counted: connections.used };
  });
  expect(used.counted).toBeGreaterThan(used.visible ?? 0);
});
