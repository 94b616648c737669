import { setTimeout as wait } from "node:timers/promises";
import { announceNew } from "@tenantry/jobs";
import { erp } from "@tenantry/schema/blueprints/erp";
import {
  addPlacement,
  cancelOperation,
  checkLicense,
  confirmMove,
  deleteLicense,
  drainPlacement,
  examineLicense,
  getBackup,
  listBackups,
  listPlacements,
  orderMove,
  retryOperation,
  signIn,
  withTenant,
} from "@tenantry/tenancy";
import { sql } from "kysely";
import { describe, expect, it, onTestFinished } from "vitest";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { endSessionsOf, hold, untilBlocked } from "./support/locks.ts";
import { startPrivateServer } from "./support/private-server.ts";
import { startProxy } from "./support/proxy.ts";
import { ADMIN_PASSWORD, ended } from "./support/requests.ts";
import { openTestInstallation, queueStores } from "./support/tenantry.ts";
import { type ReadyTenant, readyTenants } from "./support/tenants.ts";
import { tiny } from "./support/tiny-blueprint.ts";
import { startWorkerProcess } from "./support/worker-process.ts";

const CALLER = { actor: "cli:test", apiKeyId: null, idempotency: null };
const TINY = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };
const TENANT_SCHEMA_LOCK = 0x74_6e_00_02;

describe.each(queueStores())("tenants on two servers, queue on $name", async ({ redisUrl }) => {
  const database = await createTestDatabase();

  const installation = await openTestInstallation({
    databaseUrl: database.url,
    redisUrl,
    blueprints: [erp, tiny],
  });
  const { ctx, backupDirectory } = installation;
  const server = await startPrivateServer();
  const second = await server.createDatabase("second");
  await addPlacement(ctx, { name: "second", url: second.url }, "cli:test");

  /** Tenants on the first server, whatever is on the second. */
  async function atHome(count: number, order: Record<string, unknown> = TINY): Promise<ReadyTenant[]> {
    for (const { name } of await listPlacements(ctx))
      await drainPlacement(ctx, name, name !== "default", "cli:test");
    const worker = await installation.work();
    const made = await readyTenants(installation, count, order);
    await worker.close();
    await drainPlacement(ctx, "second", false, "cli:test");
    return made;
  }

  async function ordered(licenseKey: string, to = "second"): Promise<string> {
    const { answer, entry } = await orderMove(ctx, { licenseKey, to }, CALLER);
    if (entry !== null) await announceNew(ctx, installation.queues, entry);
    return answer.operation.id;
  }

  const placementNow = async (key: string) =>
    await ctx.control
      .selectFrom("tenants")
      .innerJoin("licenses", "licenses.id", "tenants.license_id")
      .selectAll("tenants")
      .where("licenses.key", "=", key)
      .executeTakeFirstOrThrow();

  const schemasOn = (url: string, name: string): Promise<string[]> =>
    withAdmin(url, async (client) => {
      const { rows } = await client.query("SELECT nspname FROM pg_namespace WHERE nspname = $1", [name]);
      return rows.map((row) => row.nspname);
    });

  const holdName = (url: string, schema: string) =>
    hold(url, `SELECT pg_advisory_xact_lock(${TENANT_SCHEMA_LOCK}, hashtext('${schema}'))`);

  const items = async (key: string): Promise<number> => {
    const { schema_name, placement } = await placementNow(key);
    const { provisioning } = await ctx.placements.of(placement);
    const { rows } = await provisioning.query(`SELECT count(*)::int AS n FROM ${schema_name}.items`);
    return rows[0].n;
  };

  const write = async (key: string): Promise<void> => {
    const tenant = await placementNow(key);
    await withTenant(ctx, tenant, (db) =>
      sql`insert into items values (1)`.execute(db).then(() => undefined),
    );
  };

  it("are told apart, and never the same server twice", async () => {
    const listed = await listPlacements(ctx);
    expect(listed.map(({ name }) => name)).toEqual(["default", "second"]);
    expect(JSON.stringify(listed)).not.toContain("only for tests");
    const again = addPlacement(ctx, { name: "third", url: server.superuserUrl }, "cli:test");
    await expect(again).rejects.toMatchObject({ code: "STATE_CONFLICT" });
    const home = addPlacement(ctx, { name: "third", url: database.url }, "cli:test");
    await expect(home).rejects.toMatchObject({ code: "STATE_CONFLICT" });
    const away = addPlacement(ctx, { name: "third", url: "postgres://x:secret@127.0.0.1:1/x" }, "cli:test");
    await expect(away).rejects.toMatchObject({
      code: "PLACEMENT_UNAVAILABLE",
      message: expect.not.stringContaining("secret"),
    });
    const standby = await server.createDatabase("standby");
    await withAdmin(server.superuserUrl, (client) =>
      client.query("ALTER DATABASE standby SET default_transaction_read_only = on"),
    );
    await expect(addPlacement(ctx, { name: "third", url: standby.url }, "cli:test")).rejects.toMatchObject({
      code: "PLACEMENT_UNAVAILABLE",
      message: expect.stringContaining("takes no writes"),
    });
    const wrong = addPlacement(ctx, { name: "Third!", url: "mysql://x" }, "cli:test");
    await expect(wrong).rejects.toMatchObject({ code: "VALIDATION_FAILED", faults: [{}, {}] });
    await expect(drainPlacement(ctx, "third", true, "cli:test")).rejects.toMatchObject({
      code: "PLACEMENT_NOT_FOUND",
    });
    const stored = await ctx.control
      .selectFrom("placements")
      .selectAll()
      .where("name", "=", "second")
      .execute();
    expect(stored[0]?.url?.includes("only for tests")).toBe(false);
  });

  it("are made where there are fewest, and never where it drains", async () => {
    const worker = await installation.work();
    const made = await readyTenants(installation, 4, TINY);
    const places = made.map(({ row }) => row.placement);
    expect(places).toContain("second");
    const before = await listPlacements(ctx);
    await drainPlacement(ctx, "default", true, "cli:test");
    const [there] = await readyTenants(installation, 1, TINY);
    expect(there?.row.placement).toBe("second");
    await drainPlacement(ctx, "second", true, "cli:test");
    await expect(readyTenants(installation, 1, TINY)).rejects.toMatchObject({ code: "STATE_CONFLICT" });
    for (const name of ["default", "second"]) await drainPlacement(ctx, name, false, "cli:test");
    const after = await listPlacements(ctx);
    expect(after[1]?.tenants).toBe((before[1]?.tenants ?? 0) + 1);
    expect(await schemasOn(second.adminUrl, there?.row.schema_name ?? "")).toHaveLength(1);
    await write(there?.key ?? "");
    expect(await items(there?.key ?? "")).toBe(1);
    await worker.close();
  });

  it("move with all that was saved while they were in use, and their people sign in as before", async () => {
    const [tenant] = await atHome(1, { maxUsers: 50 });
    if (tenant === undefined) throw new Error("no tenant");
    const { key } = tenant;
    let saved = 0;
    let refused = 0;
    let over = false;
    const log = async (): Promise<void> => {
      for (let n = 0; !over; n += 1) {
        const row = await placementNow(key);
        try {
          await withTenant(ctx, row, (db) =>
            sql`insert into security_logs (event_type, details) values ('moving', ${n})`.execute(db),
          );
          saved += 1;
        } catch {
          refused += 1;
          await wait(5);
        }
      }
    };
    const writers = [log(), log(), log()];
    const worker = await installation.work();
    const id = await ordered(key);
    expect(await ended(installation, id)).toMatchObject({ state: "succeeded", error: null });
    await wait(200);
    over = true;
    await Promise.all(writers);
    expect(await placementNow(key)).toMatchObject({ placement: "second", state: "ready" });
    const { rows } = await (await ctx.placements.of("second")).provisioning.query(
      `SELECT count(*)::int AS n FROM ${tenant.row.schema_name}.security_logs WHERE event_type = 'moving'`,
    );
    expect(rows[0].n).toBe(saved);
    expect(saved).toBeGreaterThan(0);
    expect(refused).toBeLessThan(saved + 1_000);

    const session = await signIn(ctx, {
      licenseKey: key,
      username: "admin",
      password: ADMIN_PASSWORD,
      ttlMs: 60_000,
    });
    expect(session.user.username).toBe("admin");
    expect((await checkLicense(ctx, key, { ip: null, apiKeyId: null })).users.used).toBe(1);
    const findings = await examineLicense(ctx, {
      licenseKey: key,
      username: null,
      caller: CALLER,
      announce: async () => undefined,
    });
    expect(findings.filter(({ severity }) => severity === "problem")).toEqual([]);

    const left = `moved_${id.replaceAll("-", "")}`;
    expect(await schemasOn(database.adminUrl, left)).toEqual([left]);
    expect(await schemasOn(database.adminUrl, tenant.row.schema_name)).toEqual([]);
    await confirmMove(ctx, { licenseKey: key }, "cli:test");
    expect(await schemasOn(database.adminUrl, left)).toEqual([]);
    await withAdmin(database.adminUrl, async (client) => {
      const role = await client.query("SELECT FROM pg_roles WHERE rolname = $1", [tenant.row.role_name]);
      expect(role.rowCount).toBe(0);
    });
    await expect(confirmMove(ctx, { licenseKey: key }, "cli:test")).rejects.toMatchObject({
      code: "STATE_CONFLICT",
    });
    const [backup] = (await listBackups(ctx, { licenseKey: key }, { limit: 5 })).items;
    expect(await getBackup(ctx, backup?.id ?? "")).toMatchObject({ state: "ready", operationId: id });

    const deletion = await deleteLicense(ctx, { licenseKey: key }, CALLER);
    if (deletion.bell.kind === "new") await announceNew(ctx, installation.queues, deletion.bell.entry);
    expect(await ended(installation, deletion.operation.id)).toMatchObject({ state: "succeeded" });
    expect(await schemasOn(second.adminUrl, tenant.row.schema_name)).toEqual([]);
    await worker.close();
  });

  it("aren't moved twice at once, nor to where they are, nor to where it drains", async () => {
    const [tenant] = await atHome(1);
    const key = tenant?.key ?? "";
    await expect(ordered(key, "default")).rejects.toMatchObject({ code: "STATE_CONFLICT" });
    await expect(ordered(key, "nowhere")).rejects.toMatchObject({ code: "PLACEMENT_NOT_FOUND" });
    await drainPlacement(ctx, "second", true, "cli:test");
    await expect(ordered(key)).rejects.toMatchObject({ code: "STATE_CONFLICT" });
    await drainPlacement(ctx, "second", false, "cli:test");
    const outcomes = await Promise.allSettled([ordered(key), ordered(key)]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    await expect(deleteLicense(ctx, { licenseKey: key }, CALLER)).rejects.toMatchObject({
      code: "STATE_CONFLICT",
    });
  });

  it("stay where they are when the other server is away, and move when it is back", async () => {
    const other = await startPrivateServer();
    const proxy = await startProxy((await other.createDatabase("third")).url);
    onTestFinished(() => proxy.close());
    const [tenant] = await atHome(1);
    await addPlacement(ctx, { name: "third", url: proxy.url }, "cli:test");
    const key = tenant?.key ?? "";
    await write(key);
    await proxy.cut();
    const id = await ordered(key, "third");
    const worker = await installation.work();
    await expect
      .poll(
        async () =>
          (
            await ctx.control
              .selectFrom("operations")
              .select("attempts")
              .where("id", "=", id)
              .executeTakeFirst()
          )?.attempts,
        { timeout: 30_000 },
      )
      .toBeGreaterThan(1);
    await cancelOperation(ctx, id, CALLER);
    expect(await ended(installation, id)).toMatchObject({ state: "canceled" });
    await write(key);
    expect(await placementNow(key)).toMatchObject({ placement: "default" });
    await proxy.restore();
    await retryOperation(ctx, id, CALLER);
    expect(await ended(installation, id)).toMatchObject({ state: "succeeded" });
    expect(await placementNow(key)).toMatchObject({ placement: "third" });
    expect(await items(key)).toBe(2);
    await worker.close();
    await drainPlacement(ctx, "third", true, "cli:test");
  });

  it("move back before the first move is confirmed, which isn't done while they are on their way", async () => {
    const [tenant] = await atHome(1);
    const { key, row } = tenant ?? {};
    if (key === undefined || row === undefined) throw new Error("no tenant");
    const first = await installation.work();
    const there = await ordered(key);
    expect(await ended(installation, there)).toMatchObject({ state: "succeeded" });
    await first.close();
    await write(key);
    await drainPlacement(ctx, "default", false, "cli:test");

    const back = await ordered(key, "default");
    const release = await hold(database.adminUrl, "LOCK TABLE tenantry.moves IN SHARE MODE");
    const last = await installation.work();
    // The copy is there by now, and its rights are those of the role that the first move has left.
    await untilBlocked(database.adminUrl, "tenantry-test-control");
    await expect(confirmMove(ctx, { licenseKey: key }, "cli:test")).rejects.toMatchObject({
      code: "STATE_CONFLICT",
    });
    expect(await schemasOn(database.adminUrl, `moved_${there.replaceAll("-", "")}`)).toHaveLength(1);
    await release();
    expect(await ended(installation, back)).toMatchObject({ state: "succeeded", error: null });
    await last.close();
    await write(key);
    expect(await items(key)).toBe(2);

    await confirmMove(ctx, { licenseKey: key }, "cli:test");
    await write(key);
    expect(await placementNow(key)).toMatchObject({ placement: "default" });
    for (const { url, roles } of [
      { url: database.adminUrl, roles: 1 },
      { url: second.adminUrl, roles: 0 },
    ]) {
      await withAdmin(url, async (client) => {
        const left = await client.query("SELECT FROM pg_roles WHERE rolname = $1", [row.role_name]);
        expect(left.rowCount).toBe(roles);
      });
    }
  });

  const victim = () => startWorkerProcess(database.url, redisUrl, backupDirectory);

  it("that are called off on their way stay where they are, and leave no copy", async () => {
    const [tenant] = await atHome(1);
    const { key, row } = tenant ?? {};
    if (key === undefined || row === undefined) throw new Error("no tenant");
    const release = await holdName(second.adminUrl, row.schema_name);
    const id = await ordered(key);
    const worker = await installation.work();
    await untilBlocked(second.adminUrl, "tenantry-test-provisioning");
    await cancelOperation(ctx, id, CALLER);
    await release();
    expect(await ended(installation, id)).toMatchObject({ state: "canceled" });
    await worker.close();
    expect(await placementNow(key)).toMatchObject({ placement: "default" });
    expect(await schemasOn(second.adminUrl, row.schema_name)).toEqual([]);
    await write(key);
  });

  it("whose worker dies after the old schema was closed arrive whole all the same, when its lease has run out", async () => {
    const [tenant] = await atHome(1);
    const { key, row } = tenant ?? {};
    if (key === undefined || row === undefined) throw new Error("no tenant");
    await write(key);
    const release = await hold(
      database.adminUrl,
      "LOCK TABLE tenantry.kept_schemas IN ACCESS EXCLUSIVE MODE",
    );
    const worker = await victim();
    const id = await ordered(key);
    await untilBlocked(database.adminUrl, `tenantry-${worker.role}-control`);
    await worker.kill();
    for (const url of [database.adminUrl, second.adminUrl]) await endSessionsOf(url, worker.role);
    await release();
    expect(await schemasOn(database.adminUrl, row.schema_name)).toEqual([]);
    const rescuer = await installation.work();
    expect(await ended(installation, id)).toMatchObject({ state: "succeeded", error: null });
    await rescuer.close();
    expect(await placementNow(key)).toMatchObject({ placement: "second" });
    expect(await items(key)).toBe(1);
    expect(await ctx.control.selectFrom("backup_attempts").selectAll().execute()).toEqual([]);
  });
});
