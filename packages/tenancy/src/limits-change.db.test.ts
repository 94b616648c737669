import { announceNew } from "@tenantry/jobs";
import { beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../test/support/database.ts";
import {
  branch,
  newTenant,
  openTransaction,
  passes,
  run,
  settled,
  users,
} from "../../../test/support/limits.ts";
import { hold, untilBlocked } from "../../../test/support/locks.ts";
import { acceptLicense, ended } from "../../../test/support/requests.ts";
import { openTestInstallation } from "../../../test/support/tenantry.ts";
import { examineLicense } from "./doctor/examine-license.ts";
import { jobEntry } from "./doctor/operations-in-need.ts";
import type { TenancyError } from "./errors.ts";
import { changeLicense } from "./license-changes.ts";
import { listLicenseEvents } from "./license-events.ts";
import { getLicense } from "./licenses.ts";
import { changeLimits, limitError, limitUse } from "./limits.ts";
import { placementOf } from "./placement.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url });
const { ctx } = installation;
const owner = (await placementOf(ctx, { placement: "default" })).provisioning;

beforeAll(async () => {
  await installation.work();
});

describe("changing the limits", () => {
  it("raises them at once, also for who is waiting", async () => {
    const tenant = await newTenant(installation, 1);
    await expect(run(ctx, tenant, users("early"))).rejects.toMatchObject(passes("1 user", 2));
    await changeLimits(ctx, tenant, { maxUsers: 2 });
    await run(ctx, tenant, users("then"));

    const raising = await withAdmin(database.adminUrl, async (client) => {
      await client.query(`BEGIN; LOCK TABLE "${tenant.schema_name}".tenantry_limits IN EXCLUSIVE MODE;
        UPDATE "${tenant.schema_name}".tenantry_limits SET maximum = 3 WHERE name = 'users'`);
      const waiting = openTransaction(database, tenant, "waiting").then(async (step) => {
        await step.query(users("waiting"));
        await step.query("COMMIT");
      });
      const outcome = settled(waiting);
      await untilBlocked(database.adminUrl, "waiting");
      await client.query("COMMIT");
      return outcome;
    });
    expect(raising).toBe("done");
    expect(await limitUse(ctx, tenant)).toMatchObject({ users: { used: 3, max: 3 } });
  });

  it("refuses to lower them below what is used, with the numbers, and changes nothing", async () => {
    const tenant = await newTenant(installation, 9, 4);
    await run(ctx, tenant, users("four", 4), branch("SECOND"));
    const refused = changeLimits(ctx, tenant, { maxUsers: 3, maxBranches: 1 });
    await expect(refused).rejects.toMatchObject({
      code: "STATE_CONFLICT",
      message:
        "5 users are active; the limit can't be lowered to 3. 2 branches are active; the limit can't be lowered to 1.",
    });
    await expect(changeLimits(ctx, tenant, { maxUsers: 20, maxBranches: 1 })).rejects.toMatchObject({
      message: "2 branches are active; the limit can't be lowered to 1.",
    });
    expect(await limitUse(ctx, tenant)).toEqual({
      users: { used: 5, max: 9 },
      branches: { used: 2, max: 4 },
    });
    await changeLimits(ctx, tenant, { maxUsers: 5 });
    await expect(run(ctx, tenant, users("more"))).rejects.toMatchObject(passes("5 users", 6));
    await changeLimits(ctx, tenant, {});
  });

  it("waits for who is adding, and counts what they added", async () => {
    const tenant = await newTenant(installation, 3);
    const adding = await openTransaction(database, tenant, "adding");
    await adding.query(users("two", 2));
    const lowering = changeLimits(ctx, tenant, { maxUsers: 2 }).catch((error: TenancyError) => error.message);
    await untilBlocked(database.adminUrl, "tenantry-test-provisioning");
    await adding.query("COMMIT");
    expect(await lowering).toBe("3 users are active; the limit can't be lowered to 2.");
  });

  it("lowers first, and who adds meanwhile is held to it", async () => {
    const tenant = await newTenant(installation, 3);
    const [lowered, added] = await Promise.all([
      settled(changeLimits(ctx, tenant, { maxUsers: 1 })),
      settled(run(ctx, tenant, users("two", 2))),
    ]);
    // Whichever came first, the other was refused.
    expect([lowered, added].sort()).not.toEqual(["done", "done"]);
    const use = (await limitUse(ctx, tenant))?.users;
    expect(use?.used).toBeLessThanOrEqual(use?.max ?? 0);
  });

  it("sets a limit where there was none, and waits for who added without one", async () => {
    const tenant = await newTenant(installation, 1);
    await owner.query(`DELETE FROM "${tenant.schema_name}".tenantry_limits WHERE name = 'users'`);
    await run(ctx, tenant, users("free", 3));
    expect((await limitUse(ctx, tenant))?.users).toEqual({ used: 4, max: null });
    const adding = await openTransaction(database, tenant, "adding");
    await adding.query(users("one"));
    const setting = settled(changeLimits(ctx, tenant, { maxUsers: 4 }));
    await untilBlocked(database.adminUrl, "tenantry-test-provisioning");
    await adding.query("COMMIT");
    expect(await setting).toBe("STATE_CONFLICT");
    await changeLimits(ctx, tenant, { maxUsers: 5 });
    await expect(run(ctx, tenant, users("more"))).rejects.toMatchObject(passes("5 users", 6));
  });

  it("raises a limit that is too low for what is there, and lets people go until it fits", async () => {
    const tenant = await newTenant(installation, 1);
    await owner.query(`DELETE FROM "${tenant.schema_name}".tenantry_limits`);
    await run(ctx, tenant, users("imported", 6));
    await owner.query(`INSERT INTO "${tenant.schema_name}".tenantry_limits VALUES ('users', 2)`);
    await changeLimits(ctx, tenant, { maxUsers: 3 });
    await expect(changeLimits(ctx, tenant, { maxUsers: 2 })).rejects.toMatchObject({
      code: "STATE_CONFLICT",
    });
    await run(
      ctx,
      tenant,
      "UPDATE users SET is_active = false WHERE username = 'imported1'",
      users("inactive", 1, false),
    );
    await expect(run(ctx, tenant, users("more"))).rejects.toMatchObject(passes("3 users", 7));
  });

  it("reaches a tenant that was being made when its license changed", async () => {
    const { license, tenant, operation } = await acceptLicense(installation, { maxUsers: 3 });
    const release = await hold(
      database.adminUrl,
      `SELECT pg_advisory_xact_lock(${0x74_6e_00_02}, hashtext('${tenant.schema}'))`,
    );
    const entry = await jobEntry(ctx, operation.id);
    if (entry !== null) await announceNew(ctx, installation.queues, entry);
    await untilBlocked(database.adminUrl, "tenantry-test-provisioning");
    await ctx.control.updateTable("licenses").set({ max_users: 8 }).where("key", "=", license.key).execute();
    await release();
    expect((await ended(installation, operation.id)).state).toBe("succeeded");
    const made = { schema_name: tenant.schema, placement: tenant.placement, blueprint: tenant.blueprint };
    await expect
      .poll(() => limitUse(ctx, made))
      .toEqual({ users: { used: 1, max: 8 }, branches: { used: 1, max: 50 } });
  });

  it("does nothing for a tenant of a version or blueprint without limits, or that isn't made yet", async () => {
    const tenant = await newTenant(installation, 1);
    await owner.query(`ALTER TABLE "${tenant.schema_name}".tenantry_limits RENAME TO gone`);
    await changeLimits(ctx, tenant, { maxUsers: 1 });
    expect(await limitUse(ctx, tenant)).toBeNull();
    await changeLimits(ctx, { ...tenant, blueprint: "another" }, { maxUsers: 1 });
    await changeLimits(ctx, { ...tenant, schema_name: "not_there" }, { maxUsers: 1 });
  });
});

describe("changing the license", () => {
  const ops = { actor: "cli:test", apiKeyId: null, idempotency: null };
  const licenseOf = async (key: string) => (await getLicense(ctx, key)).license;

  it("has the tenant hold the new numbers at once", async () => {
    const tenant = await newTenant(installation, 1);
    await expect(run(ctx, tenant, users("early"))).rejects.toMatchObject(passes("1 user", 2));
    await changeLicense(ctx, tenant.key, { maxUsers: 2, maxBranches: 3 }, ops);
    await run(ctx, tenant, users("then"), branch("B"), branch("C"));
    await expect(run(ctx, tenant, users("late"))).rejects.toMatchObject(passes("2 users", 3));
  });

  it("is refused as a whole when more is used than it would allow", async () => {
    const tenant = await newTenant(installation, 5);
    await run(ctx, tenant, users("three", 3));
    await expect(changeLicense(ctx, tenant.key, { maxUsers: 3, phone: "1" }, ops)).rejects.toMatchObject({
      code: "STATE_CONFLICT",
      message: "4 users are active; the limit can't be lowered to 3.",
    });
    expect(await licenseOf(tenant.key)).toMatchObject({ maxUsers: 5, phone: null });
    const { items } = await listLicenseEvents(ctx, tenant.key, { limit: 10 });
    expect(items.filter(({ type }) => type === "changed")).toEqual([]);
  });

  it("leaves license and tenant agreed when many do it at once", async () => {
    const tenant = await newTenant(installation, 5);
    const changes = Array.from({ length: 12 }, (_, n) =>
      changeLicense(ctx, tenant.key, { maxUsers: 6 + n }, ops),
    );
    await Promise.all(changes);
    const { maxUsers } = await licenseOf(tenant.key);
    expect((await limitUse(ctx, tenant))?.users).toEqual({ used: 1, max: maxUsers });
  });
});

describe("the refusal", () => {
  it("isn't believed in its numbers when they are none", () => {
    for (const detail of [
      undefined,
      7,
      "",
      "{",
      "null",
      '{"maximum": "3", "used": 4}',
      '{"maximum": 1e99, "used": {}}',
    ]) {
      expect(limitError({ code: "TN102", detail })).toMatchObject({
        code: "BRANCH_LIMIT_REACHED",
        message: "The license allows no more branches.",
      });
    }
  });

  it("is told from every other error", () => {
    for (const error of [
      undefined,
      null,
      "TN101",
      new Error("TN101"),
      { code: "23505" },
      { code: "TN001" },
    ]) {
      expect(limitError(error)).toBeUndefined();
    }
  });
});

describe("the doctor", () => {
  const examine = async (key: string) =>
    (
      await examineLicense(ctx, {
        licenseKey: key,
        username: null,
        caller: { actor: "cli:test", apiKeyId: null, idempotency: null },
        announce: async () => undefined,
      })
    ).filter(({ check }) => check === "limits");

  it("tells what is used, and mends numbers that differ from the license's", async () => {
    const tenant = await newTenant(installation, 5, 2);
    expect(await examine(tenant.key)).toMatchObject([
      { severity: "ok", detail: "1 of 5 users, 1 of 2 branches; held by the tenant's database" },
    ]);
    await owner.query(`UPDATE "${tenant.schema_name}".tenantry_limits SET maximum = 99 WHERE name = 'users'`);
    await owner.query(`DELETE FROM "${tenant.schema_name}".tenantry_limits WHERE name = 'branches'`);
    const [finding] = await examine(tenant.key);
    expect(finding?.detail).toBe(
      `Schema ${tenant.schema_name} allows 99 users, the license says 5; any number of branches, the license says 2`,
    );
    await finding?.fix?.apply();
    expect(await limitUse(ctx, tenant)).toEqual({
      users: { used: 1, max: 5 },
      branches: { used: 1, max: 2 },
    });
  });

  it("finds limits that nothing holds, and has them held again", async () => {
    const tenant = await newTenant(installation, 1);
    const schema = `"${tenant.schema_name}"`;
    await owner.query(`ALTER TABLE ${schema}.users DISABLE TRIGGER tenantry_limit_insert`);
    await owner.query(`DROP TRIGGER tenantry_limit_update ON ${schema}.branches`);
    const [finding] = await examine(tenant.key);
    expect(finding?.detail).toBe(
      "Nothing holds the license's limits on branches, users: triggers are gone or disabled",
    );
    await finding?.fix?.apply();
    expect(await examine(tenant.key)).toMatchObject([{ severity: "ok" }]);
    await expect(run(ctx, tenant, users("more"))).rejects.toMatchObject(passes("1 user", 2));
    await owner.query(`DROP FUNCTION ${schema}.tenantry_hold_limit() CASCADE`);
    await (await examine(tenant.key))[0]?.fix?.apply();
    await expect(run(ctx, tenant, users("more"))).rejects.toMatchObject(passes("1 user", 2));
    const rights = await owner.query(
      `SELECT has_function_privilege($1, '${schema}.tenantry_hold_limit()', 'EXECUTE') AS may`,
      [tenant.role_name],
    );
    expect(rights.rows).toEqual([{ may: false }]);
  });

  it("says when more is used than was sold", async () => {
    const tenant = await newTenant(installation, 1);
    await owner.query(`ALTER TABLE "${tenant.schema_name}".users DISABLE TRIGGER USER`);
    await run(ctx, tenant, users("more", 2));
    await owner.query(`ALTER TABLE "${tenant.schema_name}".users ENABLE TRIGGER USER`);
    expect(await examine(tenant.key)).toMatchObject([
      { severity: "problem", detail: "3 users are active, and the license allows 1; none can be added" },
    ]);
  });
});
