import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import { beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../../test/support/database.ts";
import { itemsOf, moved, orderMove } from "../../../../test/support/legacy-moves.ts";
import { hold, untilBlocked } from "../../../../test/support/locks.ts";
import { ended } from "../../../../test/support/requests.ts";
import { shop } from "../../../../test/support/shop-blueprint.ts";
import { SHOP_TABLES, writeShop } from "../../../../test/support/shop-source.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import type { Caller } from "../idempotency.ts";
import { getLicense } from "../licenses.ts";
import { cancelOperation, retryOperation } from "../operation-control.ts";
import { getOperation } from "../operations.ts";
import { legacyRunFigures } from "./legacy-figures.ts";
import { listQuarantine } from "./quarantine.ts";
import { legacyReport } from "./read-legacy-report.ts";

const OPS: Caller = { actor: "cli:ops", apiKeyId: null, idempotency: null };
const PAGE = { limit: 200 };
const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [shop] });
const { ctx, legacyDirectory } = installation;
const folder = (name: string): string => join(legacyDirectory, name);

beforeAll(async () => {
  await installation.work();
});

/** Two users, three items, two sales: all of them good. */
const GOOD = `${SHOP_TABLES}
  INSERT INTO users VALUES (1, 'boss', 'scrypt:x', 1, 1), (2, 'clerk', NULL, 0, 0);
  INSERT INTO items VALUES (1, 'tea', 0.30000000000000004, NULL), (2, 'green tea', 2.5, 1), (9, 'cup', '', NULL);
  INSERT INTO sales VALUES (1, 2, 12.5), (2, 9, 0);
  INSERT INTO visits VALUES ('anna', '2024-01-02 03:04:05');
`;

/** The same, and a row that can't be read, one that is too long, and those that refer to one of them. */
const BAD = `${GOOD}
  INSERT INTO items VALUES (20, 'a name that is longer than its column', 1, NULL), (21, 'child', 1, 20);
  INSERT INTO sales VALUES (3, 20, 1), (4, 1, 'twelve'), (5, 77, 1);
`;

async function rowsOf(schema: string, query: string): Promise<Record<string, unknown>[]> {
  return withAdmin(database.adminUrl, async (client) => {
    await client.query(`SET search_path = "${schema}"`);
    return (await client.query(query)).rows;
  });
}

async function moveFile(name: string, file: string | Buffer, input: object = {}, license: object = {}) {
  const path = await writeShop(folder(name), [{ name, file: "shop.db", ...license }], { "shop.db": file });
  const run = await moved(installation, { path, ...input });
  const [item] = run.items;
  if (item === undefined) throw new Error("no item");
  return { ...run, path, item };
}

describe("a license with data", () => {
  it("moves in with every row, and has its certificate", async () => {
    const { id, item } = await moveFile("GOOD-1", GOOD);
    expect(item).toMatchObject({
      state: "succeeded",
      outcome: "imported",
      foresight: "import",
      rowsPlanned: 8,
      rowsDone: 8,
      quarantined: 0,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(item.tables).toContainEqual({
      source: "items",
      target: "items",
      extra: false,
      rows: 3,
      read: 3,
      copied: 3,
      quarantined: 0,
    });
    expect(
      await rowsOf("shop_good_1", "SELECT id, name, price::text, parent_id FROM items ORDER BY id"),
    ).toEqual([
      { id: 1, name: "tea", price: "0.30", parent_id: null },
      { id: 2, name: "green tea", price: "2.50", parent_id: 1 },
      { id: 9, name: "cup", price: null, parent_id: null },
    ]);
    // Whoever adds one gets the next id.
    expect(await rowsOf("shop_good_1", "INSERT INTO items (name) VALUES ('new') RETURNING id")).toEqual([
      { id: 10 },
    ]);
    const { certificate } = (await legacyReport(ctx, id)).licenses[0] ?? {};
    expect(certificate?.tables.find(({ target }) => target === "items")).toMatchObject({
      read: 3,
      copied: 3,
      checksum: expect.stringMatching(/^-?\d+$/),
      converted: { price: { "noise-removed": 1, "empty-to-null": 1 } },
    });
    expect(await legacyRunFigures(ctx, id)).toMatchObject({
      licenses: { total: 1, succeeded: 1 },
      outcomes: { imported: 1 },
      rows: { planned: 8, done: 8, quarantined: 0 },
      rowsPerSecond: expect.any(Number),
      estimatedEnd: null,
    });
    const child = await getOperation(ctx, item.operationId ?? "");
    expect(child).toMatchObject({
      licenseKey: "GOOD-1",
      result: { schema: "shop_good_1", outcome: "imported", rows: 8, quarantined: 0 },
    });
  });

  it("has what it takes of other files beside its tables", async () => {
    await moveFile(
      "KEPT-1",
      GOOD,
      {},
      {
        kept: [
          {
            table: "checks",
            columns: ["id", "at"],
            rows: [
              { id: 1, at: "2024" },
              { id: 2, at: null },
            ],
          },
        ],
      },
    );
    expect(await rowsOf("shop_kept_1", "SELECT id, at FROM legacy_checks ORDER BY id")).toEqual([
      { id: "1", at: "2024" },
      { id: "2", at: null },
    ]);
  });

  it("without data gets what it takes of other files, too", async () => {
    const path = await writeShop(folder("KEPT-2"), [
      { name: "KEPT-2", kept: [{ table: "checks", columns: ["id"], rows: [{ id: 1 }] }] },
    ]);
    const { items } = await moved(installation, { path });
    expect(items).toMatchObject([{ outcome: "created" }]);
    expect(await rowsOf("shop_kept_2", "SELECT id FROM legacy_checks")).toEqual([{ id: "1" }]);
  });

  it("and no active admin is reported", async () => {
    const { item } = await moveFile("NOBODY-1", `${GOOD} UPDATE users SET is_admin = 0;`);
    expect(item.notes).toContainEqual(expect.stringContaining("no active admin"));
  });
});

describe("rows that can't be imported", () => {
  it("wait in quarantine as they were, those that depend on them with them", async () => {
    const { id, item } = await moveFile("BAD-1", BAD);
    expect(item).toMatchObject({ state: "succeeded", outcome: "imported", rowsDone: 8, quarantined: 5 });
    const { items } = await listQuarantine(ctx, id, {}, PAGE);
    const seen = items.map(({ table, rowId, column, code, value, state }) => [
      table,
      rowId,
      column,
      code,
      value,
      state,
    ]);
    expect(seen.sort()).toEqual([
      ["items", "20", "name", "too-long", "a name that is longer than its column", "open"],
      ["items", "21", "parent_id", "depends", 20, "open"],
      ["sales", "3", "item_id", "depends", 20, "open"],
      ["sales", "4", "amount", "not-readable", "twelve", "open"],
      ["sales", "5", "item_id", "orphan", 77, "open"],
    ]);
    expect(items.find(({ rowId, table }) => table === "items" && rowId === "20")?.row).toEqual({
      id: 20,
      name: "a name that is longer than its column",
      price: 1,
      parent_id: null,
    });
    expect((await listQuarantine(ctx, id, { table: "items" }, PAGE)).items).toHaveLength(2);
    expect((await listQuarantine(ctx, id, { licenseKey: "bad-1" }, PAGE)).items).toHaveLength(5);
    expect((await listQuarantine(ctx, id, { licenseKey: "OTHER" }, PAGE)).items).toHaveLength(0);
    const page = await listQuarantine(ctx, id, {}, { limit: 2 });
    expect(
      (await listQuarantine(ctx, id, {}, { limit: 10, cursor: page.nextCursor ?? "" })).items,
    ).toHaveLength(3);
    const [license] = (await legacyReport(ctx, id)).licenses;
    expect(license?.quarantine.map(({ rows, open }) => [rows, open])).toEqual(Array(5).fill([1, 1]));
  });

  it("fail the license of a strict run, which leaves nothing but what is known of them", async () => {
    const { id, item } = await moveFile("STRICT-1", BAD, { strict: true });
    expect(item).toMatchObject({
      state: "failed",
      error: { code: "IMPORT_INCOMPLETE" },
      quarantined: 5,
      rowsDone: 0,
    });
    expect((await getLicense(ctx, "STRICT-1")).tenant.state).toBe("failed");
    expect(await rowsOf("public", "SELECT to_regnamespace('shop_strict_1') AS there")).toEqual([
      { there: null },
    ]);
    expect((await listQuarantine(ctx, id, {}, PAGE)).items).toHaveLength(5);
    await retryOperation(ctx, id, OPS);
    await ended(installation, id);
    expect((await listQuarantine(ctx, id, {}, PAGE)).items).toHaveLength(5);
  });
});

describe("a broken file", () => {
  it("never stops the others, and moves in when it is mended and the run retried", async () => {
    const path = await writeShop(
      folder("broken"),
      ["ONE-1", "TWO-2", "SIX-6"].map((name) => ({ name, file: `${name}.db` })),
      {
        "ONE-1.db": GOOD,
        "TWO-2.db": Buffer.from("no SQLite file at all, but text"),
        "SIX-6.db": Buffer.alloc(0),
      },
    );
    const { id, items, operation } = await moved(installation, { path });
    expect(items).toMatchObject([
      { state: "succeeded", outcome: "imported" },
      { state: "failed", error: { code: "SOURCE_INVALID" } },
      { state: "failed", error: { code: "SOURCE_INVALID" } },
    ]);
    expect(operation).toMatchObject({ state: "succeeded", result: { succeeded: 1, failed: 2 } });
    await expect(getLicense(ctx, "TWO-2")).rejects.toMatchObject({ code: "LICENSE_NOT_FOUND" });
    await rm(join(path, "TWO-2.db"));
    await writeShop(path, [], { "TWO-2.db": GOOD });
    await retryOperation(ctx, id, OPS);
    await ended(installation, id);
    expect(await itemsOf(installation, id)).toMatchObject([
      { state: "succeeded" },
      { state: "succeeded", outcome: "imported", rowsPlanned: 8, rowsDone: 8 },
      { state: "failed", error: { code: "SOURCE_INVALID" } },
    ]);
  });

  it("or one that was changed since the plan is refused", async () => {
    const name = "CHANGED-1";
    const path = await writeShop(folder(name), [{ name, file: "shop.db" }], {
      "shop.db": GOOD,
      "other.db": BAD,
    });
    const release = await hold(
      database.adminUrl,
      "SELECT pg_advisory_xact_lock(hashtextextended('tenantry license CHANGED-1', 0))",
    );
    const { id } = await orderMove(installation, { path });
    await untilBlocked(database.adminUrl, "tenantry-test-control");
    await rename(join(path, "other.db"), join(path, "shop.db"));
    await release();
    await ended(installation, id);
    const [item] = await itemsOf(installation, id);
    expect(item).toMatchObject({ state: "failed", error: { code: "SOURCE_INVALID" } });
    expect(item?.error?.detail).toMatch(/changed/);
    expect(await rowsOf("public", "SELECT to_regnamespace('shop_changed_1') AS there")).toEqual([
      { there: null },
    ]);
  });
});

describe("a run that is canceled", () => {
  it("rolls back what is being moved, keeps what has moved, and goes on when it is retried", async () => {
    const path = await writeShop(
      folder("cancel"),
      ["STOP-1", "STOP-2"].map((name) => ({ name, file: `${name}.db` })),
      { "STOP-1.db": GOOD, "STOP-2.db": GOOD },
    );
    // The first foreign key writes there: tables are made, nothing is committed.
    const release = await hold(database.adminUrl, "LOCK TABLE pg_trigger IN SHARE MODE");
    const { id } = await orderMove(installation, { path });
    await untilBlocked(database.adminUrl, "tenantry-test-provisioning");
    await cancelOperation(ctx, id, OPS);
    await release();
    const run = await ended(installation, id);
    expect(run.state).toBe("canceled");
    expect(await itemsOf(installation, id)).toMatchObject([{ state: "canceled" }, { state: "canceled" }]);
    const { rows } = await sql<{ state: string }>`
      select t.state from tenantry.tenants t join tenantry.licenses l on l.id = t.license_id
      where l.key like 'STOP-%'`.execute(ctx.control);
    expect(rows.map(({ state }) => state)).toEqual(rows.map(() => "failed"));
    await retryOperation(ctx, id, OPS);
    expect(await ended(installation, id)).toMatchObject({ state: "succeeded" });
    expect(await itemsOf(installation, id)).toMatchObject([
      { state: "succeeded", outcome: "imported", rowsDone: 8 },
      { state: "succeeded", outcome: "imported", rowsDone: 8 },
    ]);
  });
});
