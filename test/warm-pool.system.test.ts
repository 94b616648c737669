import { defineBlueprint } from "@tenantry/schema";
import { booking } from "@tenantry/schema/blueprints/booking";
import { erp } from "@tenantry/schema/blueprints/erp";
import {
  createLicenses,
  deleteLicense,
  examineInstallation,
  examineLicense,
  type Finding,
  keepSpares,
  signIn,
  type TenancyContext,
  warmPool,
} from "@tenantry/tenancy";
import type { WorkerOptions } from "@tenantry/worker";
import { sql } from "kysely";
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { endSession, hold, untilBlocked } from "./support/locks.ts";
import { ADMIN_PASSWORD, ended, orderLicense } from "./support/requests.ts";
import { schemaSnapshot } from "./support/schema-snapshot.ts";
import { openTestInstallation, queueStores, type TestInstallation } from "./support/tenantry.ts";
import { type ReadyTenant, readyTenants } from "./support/tenants.ts";
import { tiny } from "./support/tiny-blueprint.ts";
import { openTwoServersApart } from "./support/two-servers.ts";
import { startWorkerProcess } from "./support/worker-process.ts";

const TINY = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };
const CALLER = { actor: "cli:test", apiKeyId: null, idempotency: null };
const SPARES = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'tenantry\\_spare\\_%' ORDER BY 1";

/** `tiny` with one more table. */
const tinyer = defineBlueprint({
  ...tiny,
  migrations: [
    ...tiny.migrations,
    { name: "0002_notes", up: async (db) => void (await sql`create table notes (id int)`.execute(db)) },
  ],
});

const schemasOf = (adminUrl: string): Promise<string[]> =>
  withAdmin(adminUrl, async (client) => (await client.query(SPARES)).rows.map(({ nspname }) => nspname));

/** What the registry says and what lies on the server is the same. */
async function expectAccounted({ ctx }: TestInstallation, adminUrl: string, ready: number): Promise<void> {
  const rows = await ctx.control.selectFrom("spares").select(["schema_name", "state"]).execute();
  expect(rows.map(({ state }) => state)).toEqual(Array.from({ length: ready }, () => "ready"));
  expect(await schemasOf(adminUrl)).toEqual(rows.map(({ schema_name }) => schema_name).sort());
}

const DOCTOR = { caller: CALLER, announce: async () => undefined };
const faulty = (findings: readonly Finding[]): Finding[] =>
  findings.filter(({ severity }) => severity !== "ok");
const faultsOf = async (ctx: TenancyContext, licenseKey: string): Promise<Finding[]> =>
  faulty(await examineLicense(ctx, { licenseKey, username: null, ...DOCTOR }));

/** The end of a role's name is the tenant's own. */
const withoutRole = (lines: readonly string[]): string[] =>
  lines.map((line) => line.replaceAll(/<schema>_[0-9a-f]{10}/g, "<role>"));

/** What the operations say that made them. */
const resultsOf = async (
  installation: TestInstallation,
  tenants: readonly ReadyTenant[],
): Promise<Record<string, unknown>[]> => {
  const rows = await installation.ctx.control
    .selectFrom("operations")
    .select("result")
    .where("kind", "=", "create-tenant")
    .execute();
  const schemas = tenants.map(({ row }) => row.schema_name);
  return rows
    .map(({ result }) => result as Record<string, unknown>)
    .filter((result) => schemas.includes(String(result?.schema)));
};

describe.each(queueStores())("a warm pool, queue on $name", async ({ redisUrl }) => {
  const open = async () => {
    const database = await createTestDatabase();
    const installation = await openTestInstallation({
      databaseUrl: database.url,
      redisUrl,
      blueprints: [tiny],
    });
    return { ...database, installation, ctx: installation.ctx };
  };
  // One for all: each installation keeps a dozen connections for as long as the file lasts.
  const { url, adminUrl, installation, ctx } = await open();
  /** A worker for one test. */
  const work = async (of: TestInstallation = installation, options: Partial<WorkerOptions> = {}) => {
    const worker = await of.work(options);
    onTestFinished(() => worker.close());
    return worker;
  };
  beforeEach(async () => void (await keepSpares(ctx, { wanted: 0 })));

  it("gives each of its five spares to one of twenty licenses that come at once", async () => {
    expect(await keepSpares(ctx, { wanted: 5 })).toEqual({ made: 5, dropped: 0, left: null });
    await expectAccounted(installation, adminUrl, 5);
    await work();
    const tenants = await readyTenants(installation, 20, TINY);
    expect((await resultsOf(installation, tenants)).filter(({ warm }) => warm === true)).toHaveLength(5);
    expect(new Set(tenants.map(({ row }) => row.ordinal)).size).toBe(20);
    await expectAccounted(installation, adminUrl, 0);
    expect(faulty(await examineInstallation(ctx, DOCTOR))).toEqual([]);
    for (const { key } of tenants) expect(await faultsOf(ctx, key)).toEqual([]);
  });

  it("is filled by its worker, again after each sale, and emptied when none are wanted", async () => {
    const worker = await work(installation, { warmTenants: 2 });
    const untilReady = (count: number) =>
      expect.poll(async () => (await warmPool(ctx))[0]?.ready ?? 0, { timeout: 20_000 }).toBe(count);
    await untilReady(2);
    const sold = await readyTenants(installation, 2, TINY);
    expect(await resultsOf(installation, sold)).toMatchObject([{ warm: true }, { warm: true }]);
    await untilReady(2);
    await worker.close();
    expect(await keepSpares(ctx, { wanted: 0 })).toEqual({ made: 0, dropped: 2, left: null });
    await expectAccounted(installation, adminUrl, 0);
  });

  it("never has too many, however many workers fill it", async () => {
    await Promise.all(Array.from({ length: 6 }, () => keepSpares(ctx, { wanted: 3 })));
    await expectAccounted(installation, adminUrl, 3);
  });

  it("makes nothing while work waits", async () => {
    const { operation } = await orderLicense(installation, TINY);
    expect(await keepSpares(ctx, { wanted: 3 })).toEqual({ made: 0, dropped: 0, left: "work-waits" });
    await work();
    await ended(installation, operation.id);
  });

  it("gives no spare of an earlier version, whatever claims, fills and upgrades at once", async () => {
    const { url, adminUrl, installation: older, ctx } = await open();
    await keepSpares(ctx, { wanted: 6 });
    const newer = await openTestInstallation({ databaseUrl: url, redisUrl, blueprints: [tinyer] });
    await work(newer);
    const rounds = (installation: TestInstallation) =>
      Promise.all(Array.from({ length: 4 }, () => keepSpares(installation.ctx, { wanted: 3 })));
    const [tenants] = await Promise.all([readyTenants(newer, 12, TINY), rounds(newer), rounds(older)]);
    expect(new Set(tenants.map(({ row }) => row.version))).toEqual(new Set(["0002_notes"]));
    for (const { row } of tenants) {
      const { rows } = await withAdmin(adminUrl, (client) =>
        client.query(`SELECT to_regclass('${row.schema_name}.notes') IS NOT NULL AS there`),
      );
      expect(rows).toEqual([{ there: true }]);
    }
    await keepSpares(newer.ctx, { wanted: 3 });
    await expectAccounted(newer, adminUrl, 3);
    expect(await warmPool(newer.ctx)).toMatchObject([{ version: "0002_notes", current: true, ready: 3 }]);
    expect(await keepSpares(ctx, { wanted: 3 }), "an older worker leaves them").toMatchObject({
      made: 0,
      dropped: 0,
    });
  });

  it.each([
    ["was dropped", (schema: string) => `DROP SCHEMA ${schema} CASCADE`],
    ["was renamed", (schema: string) => `ALTER SCHEMA ${schema} RENAME TO somebodys`],
    ["has lost its marker", (schema: string) => `DELETE FROM ${schema}.tenantry_tenant`],
    ["has lost its role", (role: string) => `ALTER ROLE ${role} RENAME TO ${role}_x`],
  ])("does without a spare that %s by hand, and forgets it", async (_, statement) => {
    await keepSpares(ctx, { wanted: 1 });
    const [schema = ""] = await schemasOf(adminUrl);
    await withAdmin(adminUrl, (client) => client.query(statement(schema)));
    await work();
    const [tenant] = await readyTenants(installation, 1, TINY);
    expect((await resultsOf(installation, tenant === undefined ? [] : [tenant]))[0]).not.toHaveProperty(
      "warm",
    );
    expect(await faultsOf(ctx, tenant?.key ?? "")).toEqual([]);
    expect((await warmPool(ctx))[0], "nobody else tries it").toMatchObject({ ready: 0, retiring: 1 });
    await keepSpares(ctx, { wanted: 0 });
    expect(await ctx.control.selectFrom("spares").selectAll().execute()).toEqual([]);
    // What isn't the spare any more is nobody's to drop, but this test's.
    await withAdmin(adminUrl, async (client) => {
      await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE; DROP SCHEMA IF EXISTS somebodys CASCADE`);
      const { rows } = await client.query("SELECT rolname FROM pg_roles WHERE starts_with(rolname, $1)", [
        schema,
      ]);
      for (const { rolname } of rows) await client.query(`DROP OWNED BY ${rolname}; DROP ROLE ${rolname}`);
    });
  });

  it("gives up a spare whose maker has died", async () => {
    await keepSpares(ctx, { wanted: 1 });
    const release = await hold(adminUrl, "LOCK TABLE pg_authid IN SHARE MODE");
    const making = keepSpares(ctx, { wanted: 2 });
    const failed = expect(making).rejects.toThrow();
    const backend = await untilBlocked(adminUrl, "tenantry-test-provisioning");
    await endSession(adminUrl, backend);
    await release();
    await failed;
    expect(await keepSpares(ctx, { wanted: 1 })).toEqual({ made: 0, dropped: 1, left: null });
    await expectAccounted(installation, adminUrl, 1);
    await ctx.control
      .updateTable("spares")
      .set({ state: "making", begun_at: sql<Date>`now() - interval '6 minutes'` })
      .execute();
    expect(await keepSpares(ctx, { wanted: 1 })).toEqual({ made: 1, dropped: 1, left: null });
    await expectAccounted(installation, adminUrl, 1);
  });

  it.each([
    ["and its statement with it", true],
    ["and its statement goes through without it", false],
  ])(
    "has a tenant's worker killed in the hand-over, %s, and the tenant is there once",
    async (_, alsoBackend) => {
      await keepSpares(ctx, { wanted: 1 });
      const { license, tenant, operation } = await orderLicense(installation, TINY);
      const release = await hold(
        adminUrl,
        `SELECT FROM tenantry.licenses WHERE key = '${license.key}' FOR UPDATE`,
      );
      const victim = await startWorkerProcess(url, redisUrl);
      const backend = await untilBlocked(adminUrl, `tenantry-${victim.role}-provisioning`);
      await victim.kill();
      if (alsoBackend) await endSession(adminUrl, backend);
      await release();
      const rescuer = await work();
      expect(await ended(installation, operation.id)).toMatchObject({
        state: "succeeded",
        result: { warm: true },
      });
      await rescuer.close();
      expect(await faultsOf(ctx, license.key)).toEqual([]);
      await expectAccounted(installation, adminUrl, 0);
      const { rows } = await withAdmin(adminUrl, (client) =>
        client.query(`SELECT license_key FROM ${tenant.schema}.tenantry_tenant`),
      );
      expect(rows).toEqual([{ license_key: license.key }]);
    },
  );

  it("leaves its spares to licenses that are ordered by themselves", async () => {
    await keepSpares(ctx, { wanted: 2 });
    const items = Array.from({ length: 3 }, () => ({ clientName: "One of many", blueprint: "tiny" }));
    const { operation } = (await createLicenses(ctx, { items, pace: "full" }, CALLER)).answer;
    // Its dispatcher finds the run's children, of whom nobody has told the queue.
    await work();
    expect(await ended(installation, operation.id)).toMatchObject({ result: { succeeded: 3 } });
    await expectAccounted(installation, adminUrl, 2);
  });

  it("cancels an order in the queue although there is a spare, which stays", async () => {
    await keepSpares(ctx, { wanted: 1 });
    const { operation } = await orderLicense(installation, TINY);
    await ctx.control
      .updateTable("operations")
      .set({ cancel_requested_at: sql<Date>`now()` })
      .where("id", "=", operation.id)
      .execute();
    await work();
    expect((await ended(installation, operation.id)).state).toBe("canceled");
    await expectAccounted(installation, adminUrl, 1);
  });
});

describe("a tenant out of the warm pool", async () => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [erp, booking] });
  const { ctx } = installation;

  it.each([
    ["erp", {}],
    [
      "booking",
      {
        adminUsername: undefined,
        adminPassword: undefined,
        parameters: { adminTelegramId: 1 },
        blueprint: "booking",
      },
    ],
  ])("is built like one that was made for it, and works like one: %s", async (blueprint, order) => {
    const worker = await installation.work();
    onTestFinished(() => worker.close());
    const [cold] = await readyTenants(installation, 1, { blueprint, ...order });
    await keepSpares(ctx, { wanted: 1 });
    const [warm] = await readyTenants(installation, 1, { blueprint, ...order });
    if (cold === undefined || warm === undefined) throw new Error("no tenant");
    const results = await resultsOf(installation, [cold, warm]);
    expect(results.filter(({ schema }) => schema === warm.row.schema_name)).toMatchObject([{ warm: true }]);
    expect(results.find(({ schema }) => schema === cold.row.schema_name)).not.toHaveProperty("warm");
    const [its, like] = await withAdmin(database.adminUrl, async (client) => [
      withoutRole(await schemaSnapshot(client, warm.row.schema_name)),
      withoutRole(await schemaSnapshot(client, cold.row.schema_name)),
    ]);
    expect(its).toEqual(like);
    expect(await faultsOf(ctx, warm.key)).toEqual([]);
    if (blueprint === "erp") {
      const { user } = await signIn(ctx, {
        licenseKey: warm.key,
        username: "admin",
        password: ADMIN_PASSWORD,
        ttlMs: 60_000,
      });
      expect(user.username).toBe("admin");
    }
    const deletion = await deleteLicense(ctx, { licenseKey: warm.key }, CALLER);
    expect((await ended(installation, deletion.operation.id)).state).toBe("succeeded");
    await keepSpares(ctx, { wanted: 0 });
    await expectAccounted(installation, database.adminUrl, 0);
  });
});

describe("a warm pool on another server", async () => {
  const servers = await openTwoServersApart();
  const { network: proxy } = servers;
  afterAll(() => proxy.close());
  const { installation, second } = servers;
  const { ctx } = installation;

  it("gives its spares there, also to who was assigned one and died", async () => {
    await sql`update tenantry.placements set draining = (name = 'default')`.execute(ctx.control);
    expect(await keepSpares(ctx, { wanted: 2 })).toEqual({ made: 2, dropped: 0, left: null });
    expect(await schemasOf(second.adminUrl)).toHaveLength(2);
    const { license, operation } = await orderLicense(installation, TINY);
    // As a worker leaves it that dies right after the assignment.
    const tenant = await servers.tenantNow(license.key);
    const [spare] = await ctx.control.selectFrom("spares").selectAll().execute();
    await sql`
      update tenantry.spares set state = 'assigned', tenant_id = ${tenant.id} where id = ${spare?.id}`.execute(
      ctx.control,
    );
    await sql`update tenantry.tenants set ordinal = ${spare?.ordinal} where id = ${tenant.id}`.execute(
      ctx.control,
    );
    await installation.work();
    expect(await ended(installation, operation.id)).toMatchObject({
      state: "succeeded",
      result: { warm: true },
    });
    const [other] = await readyTenants(installation, 1, TINY);
    expect(other?.row.placement).toBe("second");
    for (const key of [license.key, other?.key ?? ""]) {
      expect(await faultsOf(ctx, key)).toEqual([]);
      await servers.write(key);
    }
    expect(await keepSpares(ctx, { wanted: 0 })).toEqual({ made: 0, dropped: 2, left: null });
    expect(await ctx.control.selectFrom("spares").selectAll().execute()).toEqual([]);
    expect(await schemasOf(second.adminUrl)).toEqual([]);
  });

  it("holds up no other's while it is away, and has what is left of one dropped afterwards", async () => {
    await sql`update tenantry.placements set draining = false`.execute(ctx.control);
    await proxy.cut();
    const ready = async () => (await warmPool(ctx)).map(({ placement, ready }) => [placement, ready]);
    for (let round = 1; round <= 2; round++) await keepSpares(ctx, { wanted: 2 }).catch(() => undefined);
    expect(await ready()).toEqual([
      ["default", 2],
      ["second", 0],
    ]);
    expect(
      await ctx.control.selectFrom("spares").selectAll().execute(),
      "no more with each round",
    ).toHaveLength(3);
    await proxy.restore();
    expect(await keepSpares(ctx, { wanted: 2 })).toEqual({ made: 2, dropped: 1, left: null });
    expect(await ready()).toEqual([
      ["default", 2],
      ["second", 2],
    ]);
    await keepSpares(ctx, { wanted: 0 });
  });
});
