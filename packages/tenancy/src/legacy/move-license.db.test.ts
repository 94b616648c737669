import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { sql } from "kysely";
import { beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../../test/support/database.ts";
import { itemsOf, moved, orderMove } from "../../../../test/support/legacy-moves.ts";
import { ended } from "../../../../test/support/requests.ts";
import { type ShopLicense, shop, stall } from "../../../../test/support/shop-blueprint.ts";
import { writeShop } from "../../../../test/support/shop-source.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import { deleteLicense } from "../delete-license.ts";
import type { Caller } from "../idempotency.ts";
import { listLicenseEvents } from "../license-events.ts";
import { getLicense } from "../licenses.ts";
import { retryOperation } from "../operation-control.ts";
import { getOperation } from "../operations.ts";
import { atPace } from "../pace/at-pace.ts";
import { signIn } from "../sign-in.ts";

const OPS: Caller = { actor: "cli:ops", apiKeyId: null, idempotency: null };
const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [shop, stall] });
const { ctx, legacyDirectory } = installation;
const folder = (name: string): string => join(legacyDirectory, name);

beforeAll(async () => {
  await installation.work();
});

/** Moves one license, without data. */
async function moveOne(license: ShopLicense, input: object = {}) {
  const path = await writeShop(folder(license.name), [license]);
  const run = await moved(installation, { path, ...input });
  const [item] = run.items;
  if (item === undefined) throw new Error("no item");
  return { ...run, path, item };
}

describe("a license without data", () => {
  it("carries over as the source has it, and gets a fresh tenant", async () => {
    const { item, operation } = await moveOne({
      name: "FULL-1",
      clientName: "متجر النور",
      email: "a@b.example",
      phone: "+20 1",
      company: "",
      licenseType: "semi_annual",
      maxUsers: 25,
      maxBranches: 4,
      notes: "line\r\nline",
      createdAt: "2021-02-03T04:05:06.789Z",
      activatedAt: "2021-03-01T00:00:00Z",
      expiresAt: "2031-01-01T00:00:00Z",
      admin: { username: "مدير", password: { plain: "secret of the shop" } },
    });
    expect(operation).toMatchObject({ state: "succeeded", result: { succeeded: 1, failed: 0 } });
    expect(item).toMatchObject({ state: "succeeded", outcome: "created", rowsDone: 0, quarantined: 0 });
    const { license, tenant } = await getLicense(ctx, "FULL-1");
    expect(license).toEqual({
      key: "FULL-1",
      status: "active",
      clientName: "متجر النور",
      email: "a@b.example",
      phone: "+20 1",
      company: "",
      licenseType: "semi_annual",
      maxUsers: 25,
      maxBranches: 4,
      blueprint: "shop",
      createdAt: "2021-02-03T04:05:06.789Z",
      activatedAt: "2021-03-01T00:00:00.000Z",
      expiresAt: "2031-01-01T00:00:00.000Z",
      notes: "line\r\nline",
    });
    expect(tenant).toMatchObject({ schema: "shop_full_1", state: "ready" });
    const child = await getOperation(ctx, item.operationId ?? "");
    expect(child).toMatchObject({
      licenseKey: "FULL-1",
      result: { licenseKey: "FULL-1", schema: "shop_full_1", outcome: "created", rows: 0 },
    });
    const signedIn = await signIn(ctx, {
      licenseKey: "full-1",
      username: "مدير",
      password: "secret of the shop",
      ttlMs: 60_000,
    });
    expect(signedIn.user).toMatchObject({ isAdmin: true });
  });

  it("has its origin on record", async () => {
    await moveOne({ name: "ORIGIN-1" });
    const { items } = await listLicenseEvents(ctx, "ORIGIN-1", { limit: 10 });
    expect(items).toMatchObject([
      { type: "created", actor: "cli:mover", reason: "Moved in from shop: licenses.json, ORIGIN-1" },
    ]);
  });

  it("stays inactive, suspended, expired or never activated as it was", async () => {
    await moveOne({ name: "OFF-1", isActive: false });
    await moveOne({ name: "OFF-2", isSuspended: true, suspensionReason: "did not pay" });
    await moveOne({ name: "OFF-3", isSuspended: true });
    await moveOne({ name: "OFF-4", expiresAt: "2020-01-01T00:00:00Z" });
    const licenses = await Promise.all(
      ["OFF-1", "OFF-2", "OFF-3", "OFF-4"].map(async (key) => (await getLicense(ctx, key)).license),
    );
    expect(licenses).toMatchObject([
      { status: "inactive", activatedAt: null },
      { status: "suspended", suspensionReason: "did not pay" },
      { status: "suspended" },
      { status: "expired" },
    ]);
    expect(licenses[2]).not.toHaveProperty("suspensionReason");
  });

  it("loses no reason for a suspension that isn't in force", async () => {
    const { item } = await moveOne({ name: "WHY-1", suspensionReason: "was late", notes: "vip" });
    expect((await getLicense(ctx, "WHY-1")).license).toMatchObject({
      status: "active",
      notes: "vip\nSuspension reason: was late",
    });
    expect(item.notes).toContainEqual(expect.stringContaining("kept in the notes"));
  });

  it("without an admin gets a tenant without one, and is reported", async () => {
    const { item } = await moveOne({ name: "NOADMIN-1" });
    expect(item.notes).toContainEqual(expect.stringContaining("no admin"));
  });

  it("leaves no password, hash or kept row behind when its tenant has them", async () => {
    await moveOne({
      name: "HASH-1",
      admin: { username: "boss", password: { hash: "scrypt:32768:8:1$salt$abcdef" } },
    });
    const { rows } = await sql<{ text: string }>`
      select concat_ws(' ', (select string_agg(i::text, ' ') from tenantry.legacy_items i),
        (select string_agg(o::text, ' ') from tenantry.operations o),
        (select string_agg(l::text, ' ') from tenantry.licenses l),
        (select string_agg(e::text, ' ') from tenantry.operation_events e)) as text`.execute(ctx.control);
    expect(rows[0]?.text).not.toMatch(/scrypt|argon2|secret of the shop/);
    expect(installation.logs.lines.join(" ")).not.toMatch(/scrypt:|argon2id|secret of the shop/);
  });
});

describe("a license key", () => {
  it.each([
    ["Mixed-Case", "MIXED-CASE", "shop_mixed_case"],
    ["with space", "WITH SPACE", /^shop_with_space_[0-9a-f]{12}$/],
    ['"; drop--', '"; DROP--', /^shop__drop__[0-9a-f]{12}$/],
    ["مفتاح", "مفتاح", /^shop___[0-9a-f]{12}$/],
    ["K".repeat(64), "K".repeat(64), /^shop_k{45}_[0-9a-f]{12}$/],
  ])("of any form is kept: %s", async (name, key, schema) => {
    await moveOne({ name });
    const found = await getLicense(ctx, name);
    expect(found.license.key).toBe(key);
    expect(found.tenant).toMatchObject({ state: "ready" });
    expect(found.tenant.schema).toMatch(schema);
  });

  it("that comes to another's schema name gets a name of its own", async () => {
    await moveOne({ name: "AB-1" });
    await moveOne({ name: "AB_1" });
    expect((await getLicense(ctx, "AB-1")).tenant.schema).toBe("shop_ab_1");
    expect((await getLicense(ctx, "AB_1")).tenant.schema).toMatch(/^shop_ab_1_[0-9a-f]{12}$/);
  });
});

describe("a numbered schema", () => {
  it("is the folder's when that is free, and the counter goes on after it", async () => {
    const path = await writeShop(folder("stalls"), [
      { name: "seven", key: null, schema: "stall_007" },
      { name: "same", key: null, schema: "stall_007" },
      { name: "next", key: null },
      { name: "three", key: null, schema: "stall_003" },
      { name: "hostile", key: null, schema: "tenantry" },
      { name: "far", key: null, schema: "stall_99999999999" },
      { name: "last", key: null },
    ]);
    const { id } = await moved(installation, { path, system: "stall" });
    const { rows } = await sql<{ name: string; schema: string }>`
      select i.name, t.schema_name as schema from tenantry.legacy_items i
      join tenantry.tenants t on t.id = i.tenant_id where i.run_id = ${id}`.execute(ctx.control);
    const schemas = Object.fromEntries(rows.map(({ name, schema }) => [name, schema]));
    expect([schemas.seven, schemas.same]).toContain("stall_007");
    expect(schemas.far).toBe("stall_99999999999");
    expect(schemas.hostile).toMatch(/^stall_0\d\d$/);
    expect(new Set(Object.values(schemas)).size).toBe(7);
  });
});

describe("a license that is here already", () => {
  it("is skipped, and left as it is", async () => {
    const license: ShopLicense = { name: "HERE-1", notes: "first" };
    const { path } = await moveOne(license);
    const before = await getLicense(ctx, "HERE-1");
    await writeShop(path, [{ ...license, notes: "second", maxUsers: 99 }]);
    const again = await moved(installation, { path });
    expect(again.items).toMatchObject([{ state: "succeeded", outcome: "skipped", foresight: "skip" }]);
    expect(again.items[0]?.notes).toContainEqual(expect.stringContaining("has a tenant already"));
    expect(await getLicense(ctx, "HERE-1")).toEqual(before);
  });

  it("fails when that was asked for, and others don't", async () => {
    await moveOne({ name: "FAIL-1" });
    const path = await writeShop(folder("fail"), [{ name: "FAIL-1" }, { name: "FAIL-2" }]);
    const { items, operation } = await moved(installation, { path, onExisting: "fail" });
    expect(items).toMatchObject([
      { state: "failed", foresight: "refuse", error: { code: "STATE_CONFLICT" } },
      { state: "succeeded", outcome: "created" },
    ]);
    expect(operation.result).toEqual({ succeeded: 1, failed: 1, canceled: 0 });
    expect((await getLicense(ctx, "FAIL-1")).tenant.state).toBe("ready");
  });

  it("and was deleted isn't made again", async () => {
    const { path } = await moveOne({ name: "GONE-1" });
    const { operation } = await deleteLicense(ctx, { licenseKey: "GONE-1" }, OPS);
    await ended(installation, operation.id);
    const { items } = await moved(installation, { path });
    expect(items).toMatchObject([{ state: "failed", error: { code: "STATE_CONFLICT" } }]);
  });

  it("is made once by two runs over the same source at once", async () => {
    const path = await writeShop(
      folder("race"),
      Array.from({ length: 12 }, (_, index) => ({ name: `RACE-${index}` })),
    );
    const runs = await Promise.all([orderMove(installation, { path }), orderMove(installation, { path })]);
    for (const { id } of runs) await ended(installation, id);
    const items = (await Promise.all(runs.map(({ id }) => itemsOf(installation, id)))).flat();
    expect(items.map(({ state }) => state)).toEqual(items.map(() => "succeeded"));
    expect(items.filter(({ outcome }) => outcome === "created")).toHaveLength(12);
    expect(items.filter(({ outcome }) => outcome === "skipped")).toHaveLength(12);
    const events = await Promise.all(
      Array.from({ length: 12 }, (_, index) => listLicenseEvents(ctx, `RACE-${index}`, { limit: 5 })),
    );
    expect(events.every(({ items: history }) => history.length === 1)).toBe(true);
  });
});

describe("a license whose tenant couldn't be made", () => {
  it("is made when its run is retried, by the retry alone of those that failed", async () => {
    await withAdmin(database.adminUrl, (client) => client.query('CREATE SCHEMA "shop_taken_1"'));
    const path = await writeShop(folder("taken"), [{ name: "TAKEN-1" }, { name: "FREE-1" }]);
    const { id, items } = await moved(installation, { path });
    expect(items).toMatchObject([
      { state: "failed", error: { code: "SCHEMA_TAKEN" } },
      { state: "succeeded" },
    ]);
    expect((await getLicense(ctx, "TAKEN-1")).tenant.state).toBe("failed");
    const free = (await getLicense(ctx, "FREE-1")).tenant;
    await withAdmin(database.adminUrl, (client) => client.query('DROP SCHEMA "shop_taken_1"'));
    await retryOperation(ctx, id, OPS);
    await ended(installation, id);
    expect(await itemsOf(installation, id)).toMatchObject([
      { state: "succeeded", outcome: "created" },
      { state: "succeeded", outcome: "created" },
    ]);
    expect((await getLicense(ctx, "FREE-1")).tenant).toEqual(free);
  });

  it("is taken over by a later run, with the source's values of then", async () => {
    await withAdmin(database.adminUrl, (client) => client.query('CREATE SCHEMA "shop_over_1"'));
    const path = await writeShop(folder("over"), [{ name: "OVER-1", maxUsers: 2, notes: "old" }]);
    const first = await moved(installation, { path });
    expect(first.items).toMatchObject([{ state: "failed" }]);
    await withAdmin(database.adminUrl, (client) => client.query('DROP SCHEMA "shop_over_1"'));
    await writeShop(path, [{ name: "OVER-1", maxUsers: 7, notes: "new" }]);
    const second = await moved(installation, { path });
    expect(second.items).toMatchObject([{ state: "succeeded", outcome: "created" }]);
    expect(await getLicense(ctx, "OVER-1")).toMatchObject({
      license: { maxUsers: 7, notes: "new" },
      tenant: { state: "ready" },
    });
    // The first run's license has moved in by now: there is nothing to do, and nothing to fail.
    await retryOperation(ctx, first.id, OPS);
    await ended(installation, first.id);
    expect(await itemsOf(installation, first.id)).toMatchObject([{ state: "succeeded", outcome: "skipped" }]);
    expect((await getLicense(ctx, "OVER-1")).tenant.state).toBe("ready");
  });
});

describe("beside people at work", () => {
  it("waits for its turn when it is to give way, and for nobody at full pace", async () => {
    const paths = {
      yield: await writeShop(folder("GIVES-WAY"), [{ name: "GIVES-WAY" }]),
      full: await writeShop(folder("IN-HASTE"), [{ name: "IN-HASTE" }]),
    };
    await withAdmin(database.adminUrl, async () => {
      // So long it is taken for granted that nobody is there.
      await wait(600);
      const [begun, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const other = atPace(ctx, ctx.placements.main, "yield", () => {
        begun.resolve();
        return done.promise;
      });
      await begun.promise;
      const polite = await orderMove(installation, { path: paths.yield, pace: "yield" });
      const hasty = await moved(installation, { path: paths.full, pace: "full" });
      expect(hasty.items).toMatchObject([{ state: "succeeded", outcome: "created" }]);
      await wait(300);
      expect(await getOperation(ctx, polite.id)).toMatchObject({ state: "running" });
      done.resolve();
      await other;
      expect(await ended(installation, polite.id)).toMatchObject({
        state: "succeeded",
        result: { succeeded: 1 },
      });
    });
  });
});
