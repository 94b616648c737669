import { BLUEPRINTS } from "@tenantry/schema/blueprints";
import type { KyselyPlugin } from "kysely";
import { sql } from "kysely";
import { beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../test/support/database.ts";
import { acceptLicense, ended, orderLicense } from "../../../test/support/requests.ts";
import { openTestInstallation } from "../../../test/support/tenantry.ts";
import type { TenancyContext } from "./context.ts";
import { deactivateLicense, extendLicense, resumeLicense, suspendLicense } from "./license-changes.ts";
import { checkLicense, forgetOldChecks, KEEP_CHECKS_DAYS } from "./license-check.ts";
import { licenseStatus } from "./license-status.ts";

const DAY_MS = 86_400_000;
const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: BLUEPRINTS });
const { ctx } = installation;
const ops = { actor: "cli:ops", apiKeyId: null, idempotency: null };
const nobody = { ip: null, apiKeyId: null };

const check = (key: string) => checkLicense(ctx, key, nobody);

async function checksOf(key: string) {
  return ctx.control
    .selectFrom("license_checks")
    .innerJoin("licenses", "licenses.id", "license_checks.license_id")
    .selectAll("license_checks")
    .where("licenses.key", "=", key)
    .orderBy("license_checks.id")
    .execute();
}

async function setEnd(key: string, expires_at: Date | null): Promise<void> {
  await ctx.control.updateTable("licenses").set({ expires_at }).where("key", "=", key).execute();
}

describe("a check", () => {
  beforeAll(async () => {
    await installation.work();
  });

  it("tells the customer's application what it wants to know, and is put on record", async () => {
    const { license, operation, tenant } = await orderLicense(installation, {
      maxUsers: 4,
      durationDays: 10,
    });
    expect((await check(license.key)).users).toEqual({ used: null, max: 4 });
    await ended(installation, operation.id);
    const answer = await checkLicense(ctx, ` ${license.key.toLowerCase()}`, {
      ip: "2001:db8::7",
      apiKeyId: null,
    });
    expect(answer).toEqual({
      valid: true,
      status: "active",
      reason: null,
      daysRemaining: 10,
      users: { used: 1, max: 4 },
    });
    // Who has no word on being active counts, who was switched off doesn't: as the tenant's own limit counts.
    await withAdmin(database.adminUrl, (client) =>
      client.query(
        `ALTER TABLE "${tenant.schema}".users ALTER is_active DROP NOT NULL;
         INSERT INTO "${tenant.schema}".users (username, email, is_active)
         VALUES ('b', 'b@x.example', true), ('c', 'c@x.example', false), ('d', 'd@x.example', null)`,
      ),
    );
    expect((await check(license.key)).users).toEqual({ used: 3, max: 4 });

    await suspendLicense(ctx, license.key, { reason: "Invoice 4711" }, ops);
    expect(await check(license.key)).toMatchObject({
      valid: false,
      status: "suspended",
      reason: "Invoice 4711",
      daysRemaining: 10,
    });
    await resumeLicense(ctx, license.key, {}, ops);
    await deactivateLicense(ctx, license.key, {}, ops);
    expect(await check(license.key)).toMatchObject({ valid: false, status: "inactive" });

    const records = await checksOf(license.key);
    expect(records.map(({ valid, status }) => [valid, status])).toEqual([
      [true, "active"],
      [true, "active"],
      [true, "active"],
      [false, "suspended"],
      [false, "inactive"],
    ]);
    expect(records[1]).toMatchObject({ ip: "2001:db8::7", reason: null });
    expect(records[3]?.reason).toBe("Invoice 4711");
  });

  it("counts nobody where nobody signs in, whatever the blueprint calls users", async () => {
    const { license, operation } = await orderLicense(installation, {
      blueprint: "booking",
      adminUsername: undefined,
      adminPassword: undefined,
      parameters: { adminTelegramId: 4711 },
    });
    expect((await ended(installation, operation.id)).state).toBe("succeeded");
    expect(await check(license.key)).toMatchObject({ valid: true, users: { used: null } });
  });

  it("takes one statement, one round trip", async () => {
    const { license, operation } = await orderLicense(installation);
    await ended(installation, operation.id);
    const statements: string[] = [];
    const counter: KyselyPlugin = {
      transformQuery: ({ node }) => node,
      transformResult: async ({ result }) => {
        statements.push("statement");
        return result;
      },
    };
    // Nothing else to ask: no placement, and a control database that counts.
    const bare: TenancyContext = {
      ...ctx,
      placements: {
        main: ctx.placements.main,
        of: async () => Promise.reject(new Error("no placement is to be asked")),
      },
      control: ctx.control.withPlugin(counter),
    };
    expect((await checkLicense(bare, license.key, nobody)).users.used).toBe(1);
    expect(statements).toHaveLength(1);
  });

  it("counts begun days whole, and tells an end to the second", async () => {
    const { license } = await acceptLicense(installation);
    const { key } = license;
    const daysLeft = async (ms: number) => {
      await setEnd(key, new Date(Date.now() + ms));
      return (await check(key)).daysRemaining;
    };
    expect(await daysLeft(60_000)).toBe(1);
    expect(await daysLeft(DAY_MS - 60_000)).toBe(1);
    expect(await daysLeft(DAY_MS + 60_000)).toBe(2);
    expect(await daysLeft(-1)).toBe(0);
    expect(await daysLeft(-400 * DAY_MS)).toBe(0);
    await setEnd(key, new Date("2026-01-31T23:59:59.900Z"));
    expect(await check(key)).toMatchObject({
      valid: false,
      status: "expired",
      reason: "The license expired at 2026-01-31T23:59:59Z.",
      daysRemaining: 0,
    });
    await extendLicense(ctx, key, { days: 1 }, ops);
    expect(await check(key)).toMatchObject({ valid: true, reason: null, daysRemaining: 1 });
    await setEnd(key, null);
    expect(await check(key)).toMatchObject({ valid: true, daysRemaining: null });
    await setEnd(key, new Date("9999-12-31T23:59:59Z"));
    expect((await check(key)).daysRemaining).toBeGreaterThan(2_000_000);
  });

  it("of a key that nobody has is refused and leaves nothing", async () => {
    const count = async () => (await ctx.control.selectFrom("license_checks").select("id").execute()).length;
    const before = await count();
    for (const key of ["0000-0000-0000-0000", "", "' or true --", "%", "x".repeat(10_000), "ключ"]) {
      await expect(check(key)).rejects.toMatchObject({ code: "LICENSE_NOT_FOUND" });
    }
    expect(await count()).toBe(before);
  });

  it("takes an address that is none as no address", async () => {
    const { license } = await acceptLicense(installation);
    for (const ip of ["unknown", "203.0.113.9, 10.0.0.1", "fe80::1%eth0", "203.0.113.9"]) {
      await checkLicense(ctx, license.key, { ip, apiKeyId: null });
    }
    expect((await checksOf(license.key)).map(({ ip }) => ip)).toEqual([null, null, "fe80::1", "203.0.113.9"]);
  });

  it("still answers when the tenant is damaged or is being deleted", async () => {
    const { license, operation, tenant } = await orderLicense(installation);
    await ended(installation, operation.id);
    await withAdmin(database.adminUrl, (client) =>
      client.query(`ALTER TABLE "${tenant.schema}".users RENAME TO lost`),
    );
    expect(await check(license.key)).toMatchObject({ valid: true, users: { used: null } });
    await ctx.control
      .updateTable("tenants")
      .set({ state: "deleting" })
      .where("schema_name", "=", tenant.schema)
      .execute();
    expect(await check(license.key)).toMatchObject({
      valid: false,
      reason: "The license is being deleted.",
    });
  });

  it("comes to the same status as everything else does", async () => {
    const now = new Date("2026-06-01T12:00:00.123Z");
    const times = [null, new Date(0), new Date(now.getTime() - 1), now, new Date(now.getTime() + 1)];
    for (const is_active of [true, false]) {
      for (const suspended_at of times) {
        for (const expires_at of times) {
          const { rows } = await sql<{ status: string }>`
            select tenantry.license_status(${is_active}, ${suspended_at}, ${expires_at}, ${now}) as status`.execute(
            ctx.control,
          );
          const facts = { is_active, suspended_at, expires_at };
          expect(rows[0]?.status, JSON.stringify(facts)).toBe(licenseStatus(facts, now));
        }
      }
    }
  });
});

describe("the record of checks", () => {
  it(`is kept for ${KEEP_CHECKS_DAYS} days`, async () => {
    const { license } = await acceptLicense(installation);
    const { id } = await ctx.control
      .selectFrom("licenses")
      .select("id")
      .where("key", "=", license.key)
      .executeTakeFirstOrThrow();
    await ctx.control.deleteFrom("license_checks").execute();
    // More than are forgotten in one go.
    await sql`insert into tenantry.license_checks (license_id, at, valid, status)
      select ${id}, now() - interval '401 days', true, 'active' from generate_series(1, 20001)`.execute(
      ctx.control,
    );
    await sql`insert into tenantry.license_checks (license_id, at, valid, status)
      values (${id}, now() - interval '399 days', true, 'active')`.execute(ctx.control);
    await check(license.key);
    await forgetOldChecks(ctx);
    expect(await checksOf(license.key)).toHaveLength(2);
  });
});

describe("the control schema's functions", () => {
  it("can be run by their owner alone, and look names up nowhere else", async () => {
    const functions = await withAdmin(database.adminUrl, async (client) => {
      const found = await client.query(
        `SELECT proname, prosecdef, proowner::regrole::text AS owner, proconfig, prosqlbody IS NOT NULL AS bound,
           has_function_privilege('public', oid, 'EXECUTE') AS open
         FROM pg_proc WHERE pronamespace = 'tenantry'::regnamespace
           AND proname <> 'announce_operation'`,
      );
      return found.rows;
    });
    expect(functions.map(({ proname }) => proname).sort()).toEqual([
      "announce_license",
      "announce_license_of_session",
      "announce_license_of_tenant",
      "check_license",
      "claim_idempotency_key",
      "count_changed_children",
      "count_new_children",
      "license_status",
      "settle_run",
    ]);
    const login = decodeURIComponent(new URL(database.url).username);
    for (const each of functions) {
      expect(each).toMatchObject({ open: false, prosecdef: false, owner: login });
      // A body that was bound when it was made has no names left to look up.
      if (!each.bound) expect(each.proconfig).toEqual([expect.stringMatching(/^search_path=(""|tenantry)$/)]);
    }
  });
});
