import type { Client } from "pg";
import { describe, expect, it } from "vitest";
import { withAdmin } from "../../../../test/support/database.ts";
import { schemaSnapshot } from "../../../../test/support/schema-snapshot.ts";
import { BLUEPRINTS } from "../blueprints/index.ts";
import { provisionTenant } from "../tenant/provision.ts";
import { describeTarget } from "./describe-target.ts";
import { madeUpTables } from "./testing/made-up-rows.ts";
import { importDatabase } from "./testing/odd-tenant.ts";
import { tell } from "./testing/told-rows.ts";

/** On both sides of what counts as many rows. */
const MANY = new Set(["users", "products", "stock_movements", "departments", "bookings", "analytics"]);

describe.each(BLUEPRINTS)("a tenant of $name that moved in with rows in every table", async (blueprint) => {
  const { url, pool, compiled, target, rows, load } = await importDatabase(blueprint);
  const description = await describeTarget(pool, compiled);
  const parameters = { adminTelegramId: 1 };
  const { seed } = target();
  // A week has seven.
  const count = (table: string): number => (table === "work_schedule" ? 7 : MANY.has(table) ? 1_100 : 30);

  it("is built as one that was ordered, and holds each row", async () => {
    const tables = madeUpTables(description, count);
    const fresh = { ...target(), seed: { ...seed, parameters }, onStep: () => undefined };
    await provisionTenant(pool, fresh);
    const { outcome, input, quarantined } = await load(tables, { open: tell(tables, undefined, 400) });
    expect(quarantined).toEqual([]);
    expect(outcome).toMatchObject({ kind: "imported", figures: { quarantined: 0, tries: 1 } });
    for (const { target: table, rows: told } of tables) {
      const found = await rows(`SELECT count(*)::integer FROM ${input.schema}.${JSON.stringify(table)}`);
      expect({ table, found }).toEqual({ table, found: [{ count: told.length }] });
    }
    const snapshot = async (schema: string, role: string): Promise<string[]> => {
      const lines = await withAdmin(url, (client) => schemaSnapshot(client as Client, schema));
      return lines.map((line) => line.replaceAll(role, "<role>"));
    };
    expect(await snapshot(input.schema, input.role)).toEqual(await snapshot(fresh.schema, fresh.role));
  });
});
