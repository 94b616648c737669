import { randomUUID } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { Listener } from "@tenantry/schema";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { createTestDatabase } from "../../../test/support/database.ts";
import { untilBlocked } from "../../../test/support/locks.ts";
import { acceptLicense, createLicenseBody } from "../../../test/support/requests.ts";
import { openTestInstallation } from "../../../test/support/tenantry.ts";
import { authenticateApiKey, createApiKey } from "./api-keys.ts";
import { createLicense } from "./create-license.ts";
import { parseCreateLicense } from "./create-license-request.ts";
import { type Caller, requestHash } from "./idempotency.ts";
import {
  activateLicense,
  changeLicense,
  deactivateLicense,
  extendLicense,
  resumeLicense,
  suspendLicense,
} from "./license-changes.ts";
import { listLicenseEvents } from "./license-events.ts";
import { getLicense } from "./licenses.ts";

const DAY_MS = 86_400_000;
const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url });
const { ctx } = installation;
const { token } = await createApiKey(ctx, { name: "shop", scopes: ["licenses:write"] });
const apiKey = await authenticateApiKey(ctx, token);

const ops: Caller = { actor: "cli:ops", apiKeyId: null, idempotency: null };

/** The shop, asking for this under that key. */
function shop(key: string, request: string): Caller {
  return {
    actor: "api-key:shop",
    apiKeyId: apiKey.id,
    idempotency: { key, requestHash: requestHash(token, request, {}) },
  };
}

async function sold(overrides: Record<string, unknown> = {}): Promise<string> {
  return (await acceptLicense(installation, overrides)).license.key;
}

/** The license's history, oldest first. */
async function history(key: string) {
  return [...(await listLicenseEvents(ctx, key, { limit: 200 })).items].reverse();
}

async function licenseOf(key: string) {
  return (await getLicense(ctx, key)).license;
}

function settled(promises: Promise<unknown>[]): Promise<string[]> {
  return Promise.all(
    promises.map((promise) =>
      promise.then(
        () => "done",
        (error) => error.code as string,
      ),
    ),
  );
}

describe("a license's history", () => {
  it("tells who did what, when, from what to what, and why, from the sale on", async () => {
    const key = await sold({ maxUsers: 3, maxBranches: 1, licenseType: "yearly" });
    const before = Date.now();
    await suspendLicense(ctx, key, { reason: "Rechnung 4711 offen\nمتأخر" }, ops);
    await resumeLicense(ctx, key, {}, shop("paid", "resume"));
    await changeLicense(ctx, key, { email: null, maxBranches: 2, reason: "moved" }, ops);
    const [created, suspended, resumed, changed, ...more] = await history(key);
    expect(created).toMatchObject({
      type: "created",
      actor: "cli:test",
      from: {},
      to: { clientName: "Al Noor Trading", licenseType: "yearly", maxUsers: 3, blueprint: "erp" },
      reason: null,
    });
    expect(suspended).toMatchObject({
      type: "suspended",
      actor: "cli:ops",
      from: { status: "active", suspensionReason: null },
      to: { status: "suspended", suspensionReason: "Rechnung 4711 offen\nمتأخر" },
      reason: "Rechnung 4711 offen\nمتأخر",
    });
    expect(Date.parse(suspended?.at ?? "")).toBeGreaterThanOrEqual(before - 1_000);
    expect(resumed).toMatchObject({ type: "resumed", actor: "api-key:shop", to: { status: "active" } });
    expect(changed).toMatchObject({
      type: "changed",
      from: { email: "owner@alnoor.example", maxBranches: 1 },
      to: { email: null, maxBranches: 2 },
      reason: "moved",
    });
    expect(Object.keys(changed?.to ?? {})).toHaveLength(2);
    expect(more).toEqual([]);
  });

  it("alternates, whatever is asked for at once", async () => {
    const key = await sold();
    const asked = Array.from({ length: 20 }, (_, index) =>
      index % 2 === 0
        ? suspendLicense(ctx, key, { reason: `no ${index}` }, ops)
        : resumeLicense(ctx, key, {}, ops),
    );
    const outcomes = await settled(asked);
    for (const outcome of outcomes) expect(["done", "STATE_CONFLICT"]).toContain(outcome);
    const [, ...changes] = await history(key);
    expect(changes).toHaveLength(outcomes.filter((outcome) => outcome === "done").length);
    const alternating = changes.map((_, index) => (index % 2 === 0 ? "suspended" : "resumed"));
    expect(changes.map(({ type }) => type)).toEqual(alternating);
    const last = changes.at(-1);
    expect((await licenseOf(key)).status).toBe(last?.type === "suspended" ? "suspended" : "active");
    expect(changes.length).toBeGreaterThan(0);
  });

  it("has nothing of what was refused", async () => {
    const key = await sold({ licenseType: "lifetime" });
    expect(
      await settled([
        resumeLicense(ctx, key, {}, ops),
        activateLicense(ctx, key, {}, ops),
        extendLicense(ctx, key, { days: 7 }, ops),
        suspendLicense(ctx, "0000-0000-0000-0000", { reason: "x" }, ops),
      ]),
    ).toEqual(["STATE_CONFLICT", "STATE_CONFLICT", "STATE_CONFLICT", "LICENSE_NOT_FOUND"]);
    expect(await history(key)).toHaveLength(1);
  });

  it("comes in pages, newest first", async () => {
    const key = await sold();
    for (let day = 1; day <= 5; day++) await extendLicense(ctx, key, { days: day }, ops);
    const ids: string[] = [];
    for (let cursor: string | undefined, more = true; more; ) {
      const page = await listLicenseEvents(ctx, key, {
        limit: 2,
        ...(cursor === undefined ? {} : { cursor }),
      });
      ids.push(...page.items.map((event) => event.id));
      cursor = page.nextCursor ?? undefined;
      more = page.nextCursor !== null;
    }
    expect(ids).toHaveLength(6);
    expect(ids).toEqual([...ids].sort((a, b) => Number(b) - Number(a)));
    await expect(listLicenseEvents(ctx, key, { limit: 2, cursor: "bm8" })).rejects.toMatchObject({
      code: "VALIDATION_FAILED",
    });
  });
});

describe("extending", () => {
  it("happens once for twenty equal requests at once, and twenty times for twenty", async () => {
    const key = await sold({ durationDays: 10 });
    const start = Date.parse((await licenseOf(key)).expiresAt ?? "");
    const days = async () => (Date.parse((await licenseOf(key)).expiresAt ?? "") - start) / DAY_MS;
    const same = await Promise.all(
      Array.from({ length: 20 }, () => extendLicense(ctx, key, { days: 7 }, shop("one", "extend by 7"))),
    );
    expect(same.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(same.map(({ license }) => JSON.stringify(license))).size).toBe(1);
    expect(await days()).toBe(7);
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        extendLicense(ctx, key, { days: 7 }, shop(`each ${index}`, "extend")),
      ),
    );
    expect(await days()).toBe(7 * 21);
    expect(await history(key)).toHaveLength(22);
  });

  it("brings an expired license back, counted from now", async () => {
    const key = await sold();
    await ctx.control
      .updateTable("licenses")
      .set({ expires_at: new Date(0) })
      .where("key", "=", key)
      .execute();
    expect((await licenseOf(key)).status).toBe("expired");
    const { license } = await extendLicense(ctx, key, { days: 30 }, ops);
    expect(license.status).toBe("active");
    expect(Date.parse(license.expiresAt ?? "") - Date.now()).toBeGreaterThan(30 * DAY_MS - 60_000);
    expect((await history(key)).at(-1)).toMatchObject({
      from: { status: "expired" },
      to: { status: "active" },
    });
  });

  it("is refused when the end couldn't be written any more", async () => {
    const key = await sold();
    const last = new Date("9999-12-01T00:00:00Z");
    await ctx.control.updateTable("licenses").set({ expires_at: last }).where("key", "=", key).execute();
    await expect(extendLicense(ctx, key, { days: 31 }, ops)).rejects.toMatchObject({
      code: "VALIDATION_FAILED",
      faults: [{ pointer: "/days" }],
    });
    expect((await licenseOf(key)).expiresAt).toBe(last.toISOString());
  });
});

describe("changing", () => {
  it("loses nothing of what others change at the same time", async () => {
    const key = await sold();
    await Promise.all([
      changeLicense(ctx, key, { email: "a@b.example" }, ops),
      changeLicense(ctx, key, { phone: "+20 1" }, ops),
      changeLicense(ctx, key, { company: "شركة" }, ops),
      changeLicense(ctx, key, { notes: "one\ntwo" }, ops),
      changeLicense(ctx, key, { clientName: "Renamed" }, ops),
      changeLicense(ctx, key, { expiresAt: null }, ops),
      suspendLicense(ctx, key, { reason: "late" }, ops),
    ]);
    expect(await licenseOf(key)).toMatchObject({
      email: "a@b.example",
      phone: "+20 1",
      company: "شركة",
      notes: "one\ntwo",
      clientName: "Renamed",
      expiresAt: null,
      status: "suspended",
    });
    expect(await history(key)).toHaveLength(8);
  });

  it("is refused while the tenant is being deleted, also when that began a moment ago", async () => {
    const { license, tenant } = await acceptLicense(installation, { maxUsers: 1 });
    // Handed out in an object: the deletion commits before the change that waits for it can end.
    const change = await ctx.control.transaction().execute(async (transaction) => {
      await transaction
        .updateTable("tenants")
        .set({ state: "deleting" })
        .where("schema_name", "=", tenant.schema)
        .execute();
      const outcomes = settled([changeLicense(ctx, license.key, { maxUsers: 9 }, ops)]);
      await untilBlocked(database.adminUrl, "tenantry-test-control");
      return { outcomes };
    });
    expect(await change.outcomes).toEqual(["STATE_CONFLICT"]);
    expect((await licenseOf(license.key)).maxUsers).toBe(1);
  });
});

describe("switching off and on", () => {
  it("counts the first time on as the activation", async () => {
    const key = await sold();
    expect((await deactivateLicense(ctx, key, {}, ops)).license).toMatchObject({
      status: "inactive",
      activatedAt: null,
    });
    const { license: first } = await activateLicense(ctx, key, {}, ops);
    expect(first).toMatchObject({ status: "active", activatedAt: expect.any(String) });
    await deactivateLicense(ctx, key, { reason: "moved house" }, ops);
    const { license: second } = await activateLicense(ctx, key, {}, ops);
    expect(second.activatedAt).toBe(first.activatedAt);
  });
});

describe("an idempotency key", () => {
  it("serves one request, whatever kinds of request come under it at once", async () => {
    const [one, other] = [await sold(), await sold()];
    const input = parseCreateLicense(
      createLicenseBody({ adminUsername: "boss" }),
      ctx.blueprints,
      new Date(),
    );
    for (let round = 0; round < 5; round++) {
      const key = randomUUID();
      const outcomes = await settled([
        extendLicense(ctx, one, { days: 1 }, shop(key, "extend one")),
        createLicense(ctx, input, shop(key, "sell")),
        extendLicense(ctx, other, { days: 1 }, shop(key, "extend the other")),
      ]);
      expect(outcomes.toSorted()).toEqual(["IDEMPOTENCY_KEY_REUSED", "IDEMPOTENCY_KEY_REUSED", "done"]);
    }
  });

  it("is refused for a second change before the state is looked at", async () => {
    const key = await sold();
    const input = parseCreateLicense(createLicenseBody(), ctx.blueprints, new Date());
    await createLicense(ctx, input, shop("sale", "sell"));
    await expect(resumeLicense(ctx, key, {}, shop("sale", "resume"))).rejects.toMatchObject({
      code: "IDEMPOTENCY_KEY_REUSED",
    });
    await suspendLicense(ctx, key, { reason: "late" }, shop("k", "suspend"));
    await expect(suspendLicense(ctx, key, { reason: "other" }, shop("k", "other"))).rejects.toMatchObject({
      code: "IDEMPOTENCY_KEY_REUSED",
    });
    const again = await suspendLicense(ctx, key, { reason: "late" }, shop("k", "suspend"));
    expect(again).toMatchObject({ replayed: true, license: { status: "suspended" } });
    await expect(suspendLicense(ctx, key, { reason: "late" }, ops)).rejects.toMatchObject({
      code: "STATE_CONFLICT",
      hint: expect.stringContaining("resume"),
    });
  });
});

describe("inside a transaction of the caller's", () => {
  it("a change stands or falls with it", async () => {
    const key = await sold();
    const undone = ctx.control.transaction().execute(async (control) => {
      await suspendLicense({ ...ctx, control }, key, { reason: "late" }, ops);
      throw new Error("on second thoughts");
    });
    await expect(undone).rejects.toThrow("on second thoughts");
    expect((await licenseOf(key)).status).toBe("active");
    expect(await history(key)).toHaveLength(1);
  });
});

describe("those who keep licenses in memory", () => {
  it("are told at the commit of whatever decides about use, and of nothing else", async () => {
    const { license, tenant } = await acceptLicense(installation);
    const { id } = await ctx.control
      .selectFrom("licenses")
      .select("id")
      .where("key", "=", license.key)
      .executeTakeFirstOrThrow();
    const arrivals = new EventEmitter();
    let told: string[] = [];
    const listener = new Listener({
      connectionString: database.url,
      applicationName: "test-listen",
      channel: "tenantry_license",
      onNotify: (payload) => void (payload === "mark" ? arrivals.emit("mark") : told.push(payload)),
    });
    await listener.start();
    /** What was told of the work: notifications come in the order of the commits. */
    const after = async (work: () => Promise<unknown>): Promise<string[]> => {
      told = [];
      await work();
      const mark = once(arrivals, "mark");
      await sql`select pg_notify('tenantry_license', 'mark')`.execute(ctx.control);
      await mark;
      return told;
    };
    try {
      expect(await after(() => suspendLicense(ctx, license.key, { reason: "late" }, ops))).toEqual([id]);
      expect(await after(() => resumeLicense(ctx, license.key, {}, ops))).toEqual([id]);
      expect(await after(() => deactivateLicense(ctx, license.key, {}, ops))).toEqual([id]);
      expect(await after(() => extendLicense(ctx, license.key, { days: 1 }, ops))).toEqual([id]);
      expect(await after(() => changeLicense(ctx, license.key, { maxUsers: 7 }, ops))).toEqual([id]);
      expect(await after(() => changeLicense(ctx, license.key, { notes: "quiet" }, ops))).toEqual([]);
      const failTenant = () =>
        ctx.control
          .updateTable("tenants")
          .set({ state: "failed" })
          .where("schema_name", "=", tenant.schema)
          .execute();
      expect(await after(failTenant)).toEqual([id]);
    } finally {
      await listener.close();
    }
  });
});
