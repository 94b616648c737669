import { randomBytes } from "node:crypto";
import { announceNew } from "@tenantry/jobs";
import { erp } from "@tenantry/schema/blueprints/erp";
import {
  type Caller,
  createApiKey,
  deleteLicense,
  dropExpiredKept,
  dropKept,
  examineInstallation,
  examineIsolation,
  examineLicense,
  type Finding,
  getSession,
  importBackup,
  listBackups,
  listKeptSchemas,
  orderRestore,
  readBackupContent,
  signIn,
  withTenant,
} from "@tenantry/tenancy";
import { sql } from "kysely";
import { beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { leftOf } from "./support/deletion-check.ts";
import { ledger } from "./support/ledger-blueprint.ts";
import { ADMIN_PASSWORD, ended } from "./support/requests.ts";
import { backedUp, CALLER, order, restored, restoreSchemas } from "./support/restores.ts";
import { openTestInstallation, queueStores } from "./support/tenantry.ts";
import { type ReadyTenant, readyTenants } from "./support/tenants.ts";

const PAGE = { limit: 50 };

describe.each(queueStores())("a backup that is brought back, queue on $name", async ({ redisUrl }) => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({
    databaseUrl: database.url,
    redisUrl,
    blueprints: [erp, ledger()],
  });
  const { ctx } = installation;
  beforeAll(async () => void (await installation.work()));

  const sold = async (): Promise<ReadyTenant> => {
    const [tenant] = await readyTenants(installation, 1);
    if (tenant === undefined) throw new Error("no tenant");
    return tenant;
  };
  const login = (licenseKey: string, username = "admin", password = ADMIN_PASSWORD) =>
    signIn(ctx, { licenseKey, username, password, ttlMs: 60_000 });
  const run = async (schema: string, statement: string) =>
    withAdmin(database.adminUrl, async (client) => {
      await client.query(`SET search_path = "${schema}"`);
      return (await client.query(statement)).rows;
    });
  const branchOf = async (schema: string) =>
    (await run(schema, "SELECT name FROM branches ORDER BY id LIMIT 1"))[0]?.name;
  const rename = (schema: string, name: string) =>
    run(schema, `UPDATE branches SET name = $$${name}$$ WHERE code = 'MAIN'`);
  const troubles = async (key: string): Promise<Finding[]> => {
    const announce = async () => undefined;
    const findings = [
      ...(await examineLicense(ctx, { licenseKey: key, username: null, caller: CALLER, announce })),
      ...(await examineInstallation(ctx, { caller: CALLER, announce })),
      ...(await examineIsolation(ctx)),
    ];
    // What other tests have failed at, and the tests' own Redis.
    return findings.filter(
      ({ severity, check, detail }) =>
        severity !== "ok" && check !== "failures" && !detail.startsWith("Redis' default user"),
    );
  };

  it("replaces the tenant's data, ends its sessions, and keeps what it replaced", async () => {
    const [one, neighbour] = [await sold(), await sold()];
    const { id } = await backedUp(installation, one.key);
    const schema = one.row.schema_name;
    await rename(schema, "after the backup");
    await run(schema, "INSERT INTO users (username, email) VALUES ('late', 'late@x.example')");
    const [mine, theirs] = [await login(one.key), await login(neighbour.key)];
    const backendOf = async ({ row }: ReadyTenant): Promise<number> => {
      const [{ pid } = { pid: 0 }] = await withTenant(
        ctx,
        row,
        async (db) => (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db)).rows,
        { mode: "login" },
      );
      return pid;
    };
    const [myBackend, theirBackend] = [await backendOf(one), await backendOf(neighbour)];

    const result = await restored(installation, id, "replace");
    expect(result).toMatchObject({ licenseKey: one.key, mode: "replace", schema, backupId: id });
    expect(await branchOf(schema)).not.toBe("after the backup");
    await expect(getSession(ctx, mine.token)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    expect((await getSession(ctx, theirs.token)).license.key).toBe(neighbour.key);
    expect(await backendOf(one)).not.toBe(myBackend);
    expect(await backendOf(neighbour)).toBe(theirBackend);
    expect((await login(one.key)).user.username).toBe("admin");
    await expect(login(one.key, "late")).rejects.toMatchObject({ code: "INVALID_CREDENTIALS" });
    expect(await troubles(one.key)).toEqual([]);

    const { items } = await listKeptSchemas(ctx, PAGE);
    const kept = items.find(({ operationId }) => operationId === result.operationId);
    expect(kept).toMatchObject({ id: result.keptSchemaId, licenseKey: one.key });
    expect(await branchOf(kept?.schema ?? "")).toBe("after the backup");
    await expect(
      withTenant(ctx, one.row, (db) => sql.raw(`SELECT * FROM ${kept?.schema}.branches`).execute(db)),
    ).rejects.toThrow(/permission denied|may not/);
    await dropKept(ctx, kept?.id ?? "", CALLER);
    expect((await restoreSchemas(database.adminUrl)).kept).not.toContain(kept?.schema);
    await expect(dropKept(ctx, kept?.id ?? "", CALLER)).rejects.toMatchObject({
      code: "KEPT_SCHEMA_NOT_FOUND",
    });
    expect(await branchOf(schema)).not.toBe("after the backup");
    const events = await ctx.control
      .selectFrom("license_events")
      .select(["type", "actor"])
      .where("license_id", "=", one.row.license_id)
      .orderBy("id", "desc")
      .executeTakeFirst();
    expect(events).toEqual({ type: "restored", actor: "cli:test" });
  });

  it("has the password of then, and what the license allows now", async () => {
    const one = await sold();
    const schema = one.row.schema_name;
    const { id } = await backedUp(installation, one.key);
    await run(schema, "UPDATE users SET password_hash = (SELECT 'x')");
    await ctx.control.updateTable("licenses").set({ max_users: 3 }).where("key", "=", one.key).execute();
    await expect(login(one.key)).rejects.toMatchObject({ code: "INVALID_CREDENTIALS" });
    await restored(installation, id, "replace");
    expect((await login(one.key)).user.username).toBe("admin");
    expect(await run(schema, "SELECT maximum FROM tenantry_limits WHERE name = 'users'")).toEqual([
      { maximum: 3 },
    ]);
    expect(await troubles(one.key)).toEqual([]);
  });

  it("becomes a license beside the original, and neither sees the other", async () => {
    const one = await sold();
    await rename(one.row.schema_name, "as it was");
    const { id } = await backedUp(installation, one.key);
    await rename(one.row.schema_name, "the original's");
    const chosen = `COPY${one.key.slice(4)}`;
    const [copy, second] = [
      await restored(installation, id, "copy", chosen.toLowerCase()),
      await restored(installation, id, "copy"),
    ];
    expect(copy).toMatchObject({ licenseKey: chosen, keptSchemaId: null });
    expect(new Set([one.row.schema_name, copy.schema, second.schema]).size).toBe(3);
    const [license, original] = await Promise.all(
      [chosen, one.key].map((key) =>
        ctx.control.selectFrom("licenses").selectAll().where("key", "=", key).executeTakeFirstOrThrow(),
      ),
    );
    expect(license).toMatchObject({
      client_name: original?.client_name,
      license_type: original?.license_type,
      max_users: original?.max_users,
      expires_at: original?.expires_at,
      admin_password_hash: null,
    });
    const row = await ctx.control
      .selectFrom("tenants")
      .selectAll()
      .where("schema_name", "=", copy.schema)
      .executeTakeFirstOrThrow();
    expect(row).toMatchObject({ state: "ready", version: one.row.version });
    expect(row.role_name).not.toBe(one.row.role_name);
    expect(
      await run(copy.schema, "SELECT tenant_id, operation_id, license_key FROM tenantry_tenant"),
    ).toEqual([{ tenant_id: row.id, operation_id: copy.operationId, license_key: chosen }]);
    expect((await login(chosen)).license.key).toBe(chosen);
    expect((await login(one.key)).license.key).toBe(one.key);
    await withTenant(ctx, row, (db) => sql`update branches set name = ${"the copy's"}`.execute(db));
    expect(await branchOf(copy.schema)).toBe("the copy's");
    expect(await branchOf(one.row.schema_name)).toBe("the original's");
    expect(await branchOf(second.schema)).toBe("as it was");
    for (const [own, other] of [
      [row, one.row.schema_name],
      [one.row, copy.schema],
    ] as const) {
      await expect(
        withTenant(ctx, own, (db) => sql.raw(`SELECT * FROM ${other}.users`).execute(db)),
      ).rejects.toThrow(/permission denied|may not/);
    }
    for (const key of [chosen, one.key]) expect(await troubles(key)).toEqual([]);

    for (const taken of [one.key, chosen]) {
      await expect(order(installation, id, "copy", taken)).rejects.toMatchObject({
        code: "STATE_CONFLICT",
        message: expect.stringContaining("key"),
      });
    }
  });

  it("is made one copy of when the same request comes twice at once", async () => {
    const one = await sold();
    const { id } = await backedUp(installation, one.key);
    const { apiKey } = await createApiKey(ctx, { name: "sales", scopes: ["backups:write"] });
    const caller: Caller = {
      actor: "api-key:sales",
      apiKeyId: apiKey.id,
      idempotency: { key: "once", requestHash: Buffer.from(id) },
    };
    const answers = await Promise.all([1, 2, 3].map(() => orderRestore(ctx, { id, mode: "copy" }, caller)));
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    const [operationId, ...others] = new Set(answers.map(({ answer }) => answer.operation.id));
    expect(others).toEqual([]);
    const copies = await ctx.control
      .selectFrom("restores")
      .select("operation_id")
      .where("backup_id", "=", id)
      .execute();
    expect(copies).toEqual([{ operation_id: operationId }]);
    expect((await ended(installation, operationId ?? "")).state).toBe("succeeded");
  });

  it("of another installation becomes a license here, and replaces nothing", async () => {
    const key = randomBytes(32);
    const [theirs, ours] = await Promise.all(
      [1, 2].map(async () =>
        openTestInstallation({
          databaseUrl: (await createTestDatabase()).url,
          redisUrl,
          blueprints: [ledger()],
          backups: { key },
        }),
      ),
    );
    if (theirs === undefined || ours === undefined) throw new Error("no installations");
    await Promise.all([theirs.work(), ours.work()]);
    const [tenant] = await readyTenants(theirs, 1, {
      blueprint: "ledger",
      clientName: "From afar",
      adminUsername: undefined,
      adminPassword: undefined,
    });
    const { id } = await backedUp(theirs, tenant?.key ?? "");
    const { stream } = await readBackupContent(theirs.ctx, id, "archive");
    const taken = await importBackup(ours.ctx, stream, CALLER);
    await expect(order(ours, taken.id, "replace")).rejects.toMatchObject({
      code: "STATE_CONFLICT",
      hint: expect.stringContaining("--copy"),
    });
    const { licenseKey } = await restored(ours, taken.id, "copy", tenant?.key);
    expect(licenseKey).toBe(tenant?.key);
    const license = await ours.ctx.control
      .selectFrom("licenses")
      .select("client_name")
      .where("key", "=", licenseKey)
      .executeTakeFirst();
    expect(license).toEqual({ client_name: "From afar" });
  });

  it("brings a deleted tenant back under its own key", async () => {
    const one = await sold();
    await rename(one.row.schema_name, "before its end");
    const { id } = await backedUp(installation, one.key);
    await rename(one.row.schema_name, "at its very end");
    const { operation, bell } = await deleteLicense(ctx, { licenseKey: one.key }, CALLER);
    if (bell.kind === "new") await announceNew(ctx, installation.queues, bell.entry);
    expect((await ended(installation, operation.id)).state).toBe("succeeded");
    await expect(login(one.key)).rejects.toMatchObject({ code: "INVALID_CREDENTIALS" });
    const { items } = await listBackups(ctx, { licenseKey: one.key, kind: "last" }, PAGE);
    expect(items).toHaveLength(1);
    const result = await restored(installation, items[0]?.id ?? "", "replace");
    expect(result).toMatchObject({ licenseKey: one.key, keptSchemaId: null });
    expect(await branchOf(one.row.schema_name)).toBe("at its very end");
    expect((await login(one.key)).license).toMatchObject({ key: one.key, status: "active" });
    expect(await troubles(one.key)).toEqual([]);
    await restored(installation, id, "replace");
    expect(await branchOf(one.row.schema_name)).toBe("before its end");
  });

  it("excludes whatever else is done with its tenant, until it ends", async () => {
    const one = await sold();
    const [first, second] = [await backedUp(installation, one.key), await backedUp(installation, one.key)];
    const orders = await Promise.allSettled([
      orderRestore(ctx, { id: first.id, mode: "replace" }, CALLER),
      orderRestore(ctx, { id: second.id, mode: "replace" }, CALLER),
    ]);
    expect(orders.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const [accepted] = orders.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    const [refused] = orders.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
    expect(refused).toMatchObject({ code: "STATE_CONFLICT", hint: expect.stringContaining("cancel") });
    await expect(deleteLicense(ctx, { licenseKey: one.key }, CALLER)).rejects.toMatchObject({
      code: "STATE_CONFLICT",
    });
    expect((await ended(installation, accepted?.answer.operation.id ?? "")).state).toBe("succeeded");
    await restored(installation, second.id, "replace");
  });

  it("is refused when it is another tenant's, whole as it is", async () => {
    const [one, other] = [await sold(), await sold()];
    const [mine, theirs] = [await backedUp(installation, one.key), await backedUp(installation, other.key)];
    await rename(one.row.schema_name, "as it is now");
    const { archive_id, name, sha256 } = await ctx.control
      .selectFrom("backups")
      .select(["archive_id", "name", "sha256"])
      .where("id", "=", theirs.id)
      .executeTakeFirstOrThrow();
    await ctx.control
      .updateTable("backups")
      .set({ archive_id: null, name: null, state: "making" })
      .where("id", "=", theirs.id)
      .execute();
    await ctx.control
      .updateTable("backups")
      .set({ archive_id, name, sha256 })
      .where("id", "=", mine.id)
      .execute();
    for (const mode of ["replace", "copy"] as const) {
      const row = await ended(installation, await order(installation, mine.id, mode));
      expect(row).toMatchObject({ state: "failed", error: { code: "BACKUP_CORRUPT" } });
    }
    expect(await branchOf(one.row.schema_name)).toBe("as it is now");
    expect((await restoreSchemas(database.adminUrl)).loading).toEqual([]);
  });

  it("leaves a copy that failed to be deleted like any other", async () => {
    const one = await sold();
    const { id } = await backedUp(installation, one.key);
    const { name = "" } = (await ctx.control
      .selectFrom("backups")
      .select("name")
      .where("id", "=", id)
      .executeTakeFirstOrThrow()) as { name?: string };
    const whole = await ctx.backups.store.get(name as never);
    await ctx.backups.store.put(name as never, whole.subarray(0, whole.length - 1024));
    const operationId = await order(installation, id, "copy");
    const row = await ended(installation, operationId);
    expect(row).toMatchObject({ state: "failed", error: { code: "BACKUP_CORRUPT" } });
    const copy = await ctx.control
      .selectFrom("tenants")
      .innerJoin("licenses", "licenses.id", "tenants.license_id")
      .select(["tenants.state", "licenses.key", "schema_name", "role_name"])
      .where("licenses.id", "=", row.license_id)
      .executeTakeFirstOrThrow();
    expect(copy.state).toBe("failed");
    const { operation, bell } = await deleteLicense(ctx, { licenseKey: copy.key }, CALLER);
    if (bell.kind === "new") await announceNew(ctx, installation.queues, bell.entry);
    expect((await ended(installation, operation.id)).state).toBe("succeeded");
    expect(await leftOf(database.adminUrl, { schema: copy.schema_name, role: copy.role_name })).toEqual([]);
  });

  it("keeps what it replaced as long as it was told, and no longer than the tenant", async () => {
    const one = await sold();
    const { id } = await backedUp(installation, one.key);
    const [first, second] = [
      await restored(installation, id, "replace"),
      await restored(installation, id, "replace"),
    ];
    await dropExpiredKept(ctx);
    const names = async () => (await restoreSchemas(database.adminUrl)).kept;
    const named = ({ operationId }: { operationId: string }) =>
      `before_restore_${operationId.replaceAll("-", "")}`;
    expect(await names()).toEqual(expect.arrayContaining([named(first), named(second)]));
    await ctx.control
      .updateTable("kept_schemas")
      .set({ drop_after: new Date(Date.now() - 1_000) })
      .where("id", "=", first.keptSchemaId)
      .execute();
    expect(await dropExpiredKept(ctx)).toBe(1);
    expect(await names()).not.toContain(named(first));
    expect(await names()).toContain(named(second));
    const { operation, bell } = await deleteLicense(ctx, { licenseKey: one.key }, CALLER);
    if (bell.kind === "new") await announceNew(ctx, installation.queues, bell.entry);
    expect((await ended(installation, operation.id)).state).toBe("succeeded");
    expect(await names()).not.toContain(named(second));
    expect((await listKeptSchemas(ctx, PAGE)).items.map(({ licenseKey }) => licenseKey)).not.toContain(
      one.key,
    );
  });
});
