import { existsSync } from "node:fs";
import { join } from "node:path";
import { compileBlueprint } from "@tenantry/schema";
import { booking } from "@tenantry/schema/blueprints/booking";
import { expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { sqliteColumns } from "./support/sqlite-columns.ts";

/** A folder of sample databases of the legacy bot, which a checkout needn't have; CI has one. */
const SAMPLES = process.env.LEGACY_SAMPLES ?? "";

/** The ledger of migrations has a table of its own, and `settings` superseded `schedule_settings`. */
const ELSEWHERE = new Set(["schema_migrations", "schedule_settings", "sqlite_sequence"]);

it.runIf(existsSync(SAMPLES))(
  "the booking schema has a place for every table and column of the legacy bot, of both versions",
  async () => {
    const { url } = await createTestDatabase();
    const { createScript } = await compileBlueprint(booking);
    const places = await withAdmin(url, async (client) => {
      await client.query(`CREATE SCHEMA sample; SET search_path = sample; ${createScript}`);
      const found = await client.query<{ name: string }>(
        `SELECT c.relname || '.' || a.attname AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
         WHERE c.relnamespace = 'sample'::regnamespace AND c.relkind = 'r' AND a.attnum > 0`,
      );
      return new Set(found.rows.map((row) => row.name));
    });
    const columns = ["client_001", "client_002"].flatMap((client) =>
      sqliteColumns(join(SAMPLES, "booking", client, "bookings.db")),
    );
    const wanted = columns.filter(([table]) => !ELSEWHERE.has(table));
    expect(new Set(wanted.map(([table]) => table)).size).toBe(15);
    expect(wanted.map(([table, column]) => `${table}.${column}`).filter((name) => !places.has(name))).toEqual(
      [],
    );
  },
);
