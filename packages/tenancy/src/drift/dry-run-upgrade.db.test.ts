import type { NamedMigration } from "@tenantry/schema";
import { describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../../test/support/database.ts";
import { hold } from "../../../../test/support/locks.ts";
import { performedLicense } from "../../../../test/support/perform.ts";
import { schemaSnapshot } from "../../../../test/support/schema-snapshot.ts";
import { openTestInstallation, type TestInstallation } from "../../../../test/support/tenantry.ts";
import { WORKSHOP_ORDER, workshop, workshopMigration } from "../../../../test/support/workshop-blueprint.ts";
import { dryRunUpgrade } from "./dry-run-upgrade.ts";

const GOOD = workshopMigration(
  "0003_prices",
  "alter table jobs alter price type numeric(14, 4)",
  "create index customers_name on customers (name)",
  "create table offers (id int primary key)",
  "alter table offers add column text text",
);
const INDEX: NamedMigration = {
  ...workshopMigration("0004_index", "create index jobs_price on jobs (price)"),
  outsideTransaction: ["create index concurrently if not exists jobs_price on jobs (price)"],
};
const BAD = workshopMigration("0005_dear", "alter table jobs add constraint dear check (id > 10)");

const database = await createTestDatabase();
const at = (version: number, more: readonly NamedMigration[] = []) =>
  openTestInstallation({ databaseUrl: database.url, blueprints: [workshop(version, more)] });
const [first, second] = [await at(1), await at(2)];
const keys = { old: await performedLicense(first, WORKSHOP_ORDER), big: "", small: "" };
keys.big = await performedLicense(second, WORKSHOP_ORDER);
keys.small = await performedLicense(second, WORKSHOP_ORDER);
const [good, bad] = [await at(2, [GOOD, INDEX]), await at(2, [GOOD, INDEX, BAD])];

async function schemaOf(key: string, { ctx }: TestInstallation = good): Promise<string> {
  const row = await ctx.control
    .selectFrom("tenants")
    .innerJoin("licenses", "licenses.id", "tenants.license_id")
    .select("schema_name")
    .where("licenses.key", "=", key)
    .executeTakeFirstOrThrow();
  return row.schema_name;
}

/** All of a tenant: its structure, and its rows with where they lie. */
async function everythingOf(key: string): Promise<unknown> {
  const schema = await schemaOf(key);
  return withAdmin(database.url, async (client) => {
    const structure = await schemaSnapshot(client, schema);
    const files = `SELECT relname, relfilenode FROM pg_class WHERE relnamespace = '${schema}'::regnamespace ORDER BY relname`;
    const rows = [`SELECT ctid, * FROM ${schema}.jobs`, `SELECT * FROM ${schema}.kysely_migration`, files];
    const found = [];
    for (const text of rows) found.push((await client.query(text)).rows);
    return { structure, found };
  });
}

describe("a rehearsal", () => {
  it("tells what an upgrade costs, and leaves nothing of it", async () => {
    await withAdmin(database.url, async (client) =>
      client.query(
        `INSERT INTO ${await schemaOf(keys.big)}.jobs (customer_id, title) SELECT 1, 'More ' || n FROM generate_series(1, 5000) AS n`,
      ),
    );
    const before = await Promise.all(Object.values(keys).map(everythingOf));
    const { tenants, sums } = await dryRunUpgrade(good.ctx, { sample: 2 });
    expect(await Promise.all(Object.values(keys).map(everythingOf))).toEqual(before);

    // Of each version one, and of the newer the larger.
    expect(tenants.map(({ licenseKey }) => licenseKey)).toEqual([keys.old, keys.big]);
    const [{ rehearsal: old } = {}, { rehearsal: big, bytes = 0 } = {}] = tenants;
    expect(old).toMatchObject({ kind: "rehearsed", from: "0001_jobs", failure: null });
    expect(big).toMatchObject({
      kind: "rehearsed",
      from: "0002_notes",
      failure: null,
      migrations: [
        { name: "0003_prices", outsideTransaction: [] },
        { name: "0004_index", outsideTransaction: INDEX.outsideTransaction },
      ],
      rewrites: [{ table: "jobs", migration: "0003_prices", bytes: expect.any(Number) }],
    });
    expect(bytes).toBeGreaterThan(400_000);
    const [sum] = sums;
    expect(sum?.tenants).toEqual({ succeeded: 2, failed: 0, notPossible: 0, current: 0 });
    expect(sum?.migrations.map(({ name, tenants: number }) => [name, number])).toEqual([
      ["0002_notes", 1],
      ["0003_prices", 2],
      ["0004_index", 2],
    ]);
    expect(sum?.rewrites[0]?.mostBytes).toBeGreaterThan(400_000);
    // The table that the migration itself makes isn't told, nor what is only read.
    const tables = sum?.locks.filter(({ relation }) => ["jobs", "customers", "offers"].includes(relation));
    expect(tables).toEqual(
      expect.arrayContaining([
        { relation: "jobs", mode: "AccessExclusiveLock", migration: "0002_notes" },
        { relation: "customers", mode: "ShareLock", migration: "0003_prices" },
      ]),
    );
    expect(tables?.some(({ relation }) => relation === "offers")).toBe(false);
  });

  it("names what fails, and nothing of the rows that it fails at", async () => {
    const before = await everythingOf(keys.small);
    const { tenants, sums } = await dryRunUpgrade(bad.ctx, { licenseKeys: [keys.small] });
    expect(tenants[0]?.rehearsal).toMatchObject({
      kind: "rehearsed",
      migrations: [{ name: "0003_prices" }, { name: "0004_index" }],
      failure: { migration: "0005_dear", sqlState: "23514", about: "table jobs, constraint dear" },
    });
    expect(sums[0]).toMatchObject({
      tenants: { succeeded: 0, failed: 1 },
      failures: [{ migration: "0005_dear", licenseKeys: [keys.small] }],
    });
    expect(await everythingOf(keys.small)).toEqual(before);
  });

  it("gives a table up that somebody holds, and says so of schemas that it can't try", async () => {
    const release = await hold(
      database.url,
      `LOCK TABLE ${await schemaOf(keys.small)}.jobs IN ACCESS SHARE MODE`,
    );
    const busy = await dryRunUpgrade(good.ctx, { licenseKeys: [keys.small] });
    expect(busy.tenants[0]?.rehearsal).toMatchObject({
      failure: { migration: "0003_prices", sqlState: "55P03" },
    });
    await release();
    expect((await dryRunUpgrade(second.ctx, { licenseKeys: [keys.small] })).tenants[0]?.rehearsal).toEqual({
      kind: "current",
      from: "0002_notes",
    });
    expect(
      (await dryRunUpgrade(first.ctx, { licenseKeys: [keys.small] })).tenants[0]?.rehearsal,
    ).toMatchObject({
      kind: "not-possible",
      reason: expect.stringContaining("0002_notes"),
    });
    expect(await dryRunUpgrade(second.ctx, { blueprint: "workshop", sample: 1 })).toMatchObject({
      tenants: [{ licenseKey: keys.old }],
    });
  });
});
