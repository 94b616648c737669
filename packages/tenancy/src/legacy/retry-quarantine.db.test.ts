import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../../test/support/database.ts";
import { moved } from "../../../../test/support/legacy-moves.ts";
import { hold, untilBlocked } from "../../../../test/support/locks.ts";
import { shop } from "../../../../test/support/shop-blueprint.ts";
import { SHOP_TABLES, writeShop } from "../../../../test/support/shop-source.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import { dismissQuarantine, listQuarantine, type QuarantineEntry } from "./quarantine.ts";
import { retryQuarantine } from "./retry-quarantine.ts";

const ACTOR = "cli:ops";
const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [shop] });
const { ctx } = installation;

beforeAll(async () => {
  await installation.work();
});

const DATA = `${SHOP_TABLES}
  INSERT INTO items VALUES (1, 'tea', 1, NULL), (20, 'a name that is longer than its column', 1, NULL), (21, 'child', 1, 20);
  INSERT INTO sales VALUES (3, 20, 1), (4, 1, 'twelve'), (5, 77, 1);
  INSERT INTO visits VALUES ('a name that is longer than its column', NULL);
`;

interface Moved {
  readonly id: string;
  readonly schema: string;
  entry(table: string, rowId: string): Promise<QuarantineEntry>;
  entries(): Promise<readonly QuarantineEntry[]>;
  query(text: string): Promise<Record<string, unknown>[]>;
}

/** A license that moved in but for six rows. */
async function move(name: string, input: object = {}): Promise<Moved> {
  const path = join(installation.legacyDirectory, name);
  await writeShop(path, [{ name, file: "shop.db" }], { "shop.db": DATA });
  const { id } = await moved(installation, { path, ...input });
  const schema = `shop_${name.toLowerCase()}`;
  const entries = async () => (await listQuarantine(ctx, id, {}, { limit: 200 })).items;
  return {
    id,
    schema,
    entries,
    entry: async (table, rowId) => {
      const found = (await entries()).find((each) => each.table === table && each.rowId === rowId);
      if (found === undefined) throw new Error(`no ${table} ${rowId} in quarantine`);
      return found;
    },
    query: (text) =>
      withAdmin(database.adminUrl, async (client) => {
        await client.query(`SET search_path = "${schema}"`);
        return (await client.query(text)).rows;
      }),
  };
}

const shorter = ({ id, row }: QuarantineEntry) => ({ id, row: { ...row, name: "short" } });

describe("a row in quarantine", () => {
  it("is imported as somebody has corrected it, and those that depend on it as they are", async () => {
    const license = await move("FIX");
    expect(await license.entries()).toHaveLength(6);
    const fixed = await retryQuarantine(
      ctx,
      license.id,
      { rows: [shorter(await license.entry("items", "20"))] },
      ACTOR,
    );
    expect(fixed).toEqual({ imported: 1, refused: [] });
    expect(await license.entry("items", "20")).toMatchObject({
      state: "imported",
      changedBy: ACTOR,
      row: { name: "a name that is longer than its column" },
    });
    const rest = await retryQuarantine(ctx, license.id, { licenseKey: "fix" }, ACTOR);
    expect(rest.imported).toBe(2);
    expect(rest.refused.map(({ column, code }) => [column, code]).sort()).toEqual([
      ["amount", "not-readable"],
      ["item_id", "orphan"],
      ["who", "too-long"],
    ]);
    expect(await license.query("SELECT id, name, parent_id FROM items ORDER BY id")).toEqual([
      { id: 1, name: "tea", parent_id: null },
      { id: 20, name: "short", parent_id: null },
      { id: 21, name: "child", parent_id: 20 },
    ]);
    expect(await license.query("SELECT id FROM sales")).toEqual([{ id: 3 }]);
    expect(await license.query("INSERT INTO items (name) VALUES ('new') RETURNING id")).toEqual([{ id: 22 }]);
  });

  it("comes with what it refers to, whatever their order", async () => {
    const license = await move("ORDER");
    const rows = [
      await license.entry("sales", "3"),
      await license.entry("items", "21"),
      await license.entry("items", "20"),
    ];
    const outcome = await retryQuarantine(
      ctx,
      license.id,
      { rows: rows.map((entry) => (entry.rowId === "20" ? shorter(entry) : entry)) },
      ACTOR,
    );
    expect(outcome).toEqual({ imported: 3, refused: [] });
  });

  it("is imported once, however often it is asked for", async () => {
    const license = await move("ONCE");
    const { id } = await visit(license);
    const rows = [{ id, row: { who: "anna", at: null } }];
    expect(await retryQuarantine(ctx, license.id, { rows }, ACTOR)).toEqual({ imported: 1, refused: [] });
    expect(await retryQuarantine(ctx, license.id, { rows }, ACTOR)).toEqual({ imported: 1, refused: [] });
    expect(await license.query("SELECT who FROM visits")).toEqual([{ who: "anna" }]);
  });

  it("that was committed by somebody who died before he could say so isn't imported again, though it has no key", async () => {
    const license = await move("DIED");
    const { id } = await visit(license);
    const rows = [{ id, row: { who: "anna", at: null } }];
    await retryQuarantine(ctx, license.id, { rows }, ACTOR);
    // What the mark would have been without the last step.
    await withAdmin(database.adminUrl, (client) =>
      client.query(
        "UPDATE tenantry.quarantined_rows SET state = 'open', changed_at = NULL, changed_by = NULL WHERE id = $1",
        [id],
      ),
    );
    expect(await retryQuarantine(ctx, license.id, { rows }, ACTOR)).toEqual({ imported: 1, refused: [] });
    expect(await license.query("SELECT who FROM visits")).toEqual([{ who: "anna" }]);
  });

  it("is one caller's at a time", async () => {
    const license = await move("TURN");
    const release = await hold(database.adminUrl, `LOCK TABLE "${license.schema}".visits IN EXCLUSIVE MODE`);
    const rows = [{ id: (await visit(license)).id, row: { who: "anna", at: null } }];
    const first = retryQuarantine(ctx, license.id, { rows }, ACTOR);
    await untilBlocked(database.adminUrl, "tenantry-test-provisioning");
    await expect(retryQuarantine(ctx, license.id, { rows }, ACTOR)).rejects.toMatchObject({
      code: "UNAVAILABLE",
    });
    await release();
    expect(await first).toEqual({ imported: 1, refused: [] });
    expect(await license.query("SELECT who FROM visits")).toHaveLength(1);
  });

  it("is never another license's, or another run's", async () => {
    const [one, other] = [await move("MINE"), await move("YOURS")];
    const foreign = await other.entry("items", "20");
    await expect(retryQuarantine(ctx, one.id, { rows: [shorter(foreign)] }, ACTOR)).rejects.toMatchObject({
      code: "VALIDATION_FAILED",
      faults: [{ pointer: "/rows/0/id" }],
    });
    await expect(
      retryQuarantine(ctx, one.id, { rows: [{ id: "1 or true", row: {} }] }, ACTOR),
    ).rejects.toMatchObject({ code: "VALIDATION_FAILED" });
    expect(await retryQuarantine(ctx, one.id, { licenseKey: "YOURS" }, ACTOR)).toEqual({
      imported: 0,
      refused: [],
    });
    expect((await other.entries()).every(({ state }) => state === "open")).toBe(true);
  });

  it("that PostgreSQL refuses stays, with its reason", async () => {
    const license = await move("REFUSE");
    const entry = await license.entry("sales", "4");
    const outcome = await retryQuarantine(
      ctx,
      license.id,
      { rows: [{ id: entry.id, row: { ...entry.row, amount: 1, item_id: 999 } }] },
      ACTOR,
    );
    expect(outcome).toMatchObject({ imported: 0, refused: [{ id: entry.id, code: "orphan" }] });
    expect(await license.entry("sales", "4")).toMatchObject({ state: "open" });
  });

  it("of a license that didn't move in has nowhere to go", async () => {
    const license = await move("STRICT", { strict: true });
    const outcome = await retryQuarantine(ctx, license.id, { licenseKey: "STRICT" }, ACTOR);
    expect(outcome.imported).toBe(0);
    expect(new Set(outcome.refused.map(({ reason }) => reason))).toEqual(
      new Set(["The license hasn't moved in."]),
    );
  });

  it("may be set aside for good", async () => {
    const license = await move("ASIDE");
    const { id } = await visit(license);
    expect(await dismissQuarantine(ctx, license.id, { ids: [id] }, ACTOR)).toEqual({ dismissed: 1 });
    expect(await dismissQuarantine(ctx, license.id, { ids: [id] }, ACTOR)).toEqual({ dismissed: 0 });
    const outcome = await retryQuarantine(
      ctx,
      license.id,
      { rows: [{ id, row: { who: "x", at: null } }] },
      ACTOR,
    );
    expect(outcome).toMatchObject({ imported: 0, refused: [{ id, reason: "It was set aside for good." }] });
    expect(await dismissQuarantine(ctx, license.id, { table: "sales" }, ACTOR)).toEqual({ dismissed: 3 });
    expect((await license.entries()).filter(({ state }) => state === "open")).toHaveLength(2);
  });

  async function visit(license: Moved): Promise<QuarantineEntry> {
    const found = (await license.entries()).find(({ table }) => table === "visits");
    if (found === undefined) throw new Error("no visit in quarantine");
    return found;
  }
});
