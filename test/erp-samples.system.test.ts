import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { ended, orderLicense } from "./support/requests.ts";
import { sqliteColumns } from "./support/sqlite-columns.ts";
import { openTestInstallation } from "./support/tenantry.ts";

/** A folder of sample databases of the legacy ERP, which a checkout needn't have; CI has one. */
const SAMPLES = process.env.LEGACY_SAMPLES ?? "";

/** What a tenant's schema leaves to the control schema, or to nobody. */
const ELSEWHERE = new Set(["license", "licenses", "license_checks", "alembic_version", "sqlite_sequence"]);
/** An id of the legacy master database: an orphan in every tenant's file. */
const DROPPED = new Set(["users.license_id"]);

it.runIf(existsSync(SAMPLES))(
  "the erp schema has a place for every table and column of the legacy ERP",
  async () => {
    const database = await createTestDatabase();
    const installation = await openTestInstallation({ databaseUrl: database.url });
    await installation.work();
    const { tenant, operation } = await orderLicense(installation);
    expect((await ended(installation, operation.id)).state).toBe("succeeded");
    const found = await withAdmin(database.adminUrl, (client) =>
      client.query<{ name: string }>(
        `SELECT c.relname || '.' || a.attname AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
       WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r' AND a.attnum > 0`,
        [tenant.schema],
      ),
    );
    const places = new Set(found.rows.map((row) => row.name));
    const folder = join(SAMPLES, "ded", "tenant_databases");
    const files = [
      ...readdirSync(folder).map((name) => join(folder, name)),
      join(SAMPLES, "ded", "erp_system.db"),
    ];
    const legacyTables = new Set<string>();
    const homeless = new Set<string>();
    for (const file of files) {
      for (const [table, column] of sqliteColumns(file)) {
        if (ELSEWHERE.has(table) || DROPPED.has(`${table}.${column}`)) continue;
        legacyTables.add(table);
        if (!places.has(`${table}.${column}`)) homeless.add(`${table}.${column}`);
      }
    }
    expect(files.length).toBeGreaterThan(5);
    expect(legacyTables.size).toBe(53);
    expect([...homeless]).toEqual([]);
  },
);
