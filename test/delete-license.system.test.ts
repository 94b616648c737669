import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmdirSync } from "node:fs";
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { tenantFolder } from "@tenantry/archive";
import {
  cancelOperation,
  type DeleteTenantResult,
  deleteLicense,
  examineInstallation,
  getBackup,
  normalizeLicenseKey,
  type StoredError,
  withTenant,
} from "@tenantry/tenancy";
import { Redis } from "ioredis";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { type Answer, startApi } from "./support/api.ts";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { expectDeleted, leftOf, retiredSchemas, roleOf } from "./support/deletion-check.ts";
import { hold, untilBlocked } from "./support/locks.ts";
import { ADMIN_PASSWORD, acceptLicense, createLicenseBody, ended, orderLicense } from "./support/requests.ts";
import { expectWholeTenant } from "./support/tenant-check.ts";
import { openTestInstallation, queueStores } from "./support/tenantry.ts";

const TENANT_SCHEMA_LOCK = 0x74_6e_00_02;
const CALLER = { actor: "cli:test", apiKeyId: null, idempotency: null };

/** A disk of a size of our own takes the right to mount one. */
function canMount(): boolean {
  const place = mkdtempSync(join(tmpdir(), "tenantry-mount-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tenantry-test", place], { stdio: "ignore" });
    execFileSync("umount", [place]);
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(place);
  }
}

/** What lies in a folder, and in those below. */
function filesIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

describe.each(queueStores())("a license that is deleted, queue on $name", async ({ redisUrl }) => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({ databaseUrl: database.url, redisUrl });
  const api = await startApi(installation);
  const worker = await installation.work();

  interface Sold {
    readonly key: string;
    readonly schema: string;
    readonly role: string;
  }

  async function sold(): Promise<Sold> {
    const answer = await api.call("POST", "/v1/licenses", {
      body: createLicenseBody(),
      headers: { prefer: "wait=30" },
    });
    expect(answer.status).toBe(201);
    const { license, tenant } = answer.body;
    return { key: license.key, schema: tenant.schema, role: await roleOf(installation, tenant) };
  }

  const remove = (
    key: string,
    headers: Record<string, string> = {},
    query = `?confirm=${encodeURIComponent(key)}`,
  ): Promise<Answer> => api.call("DELETE", `/v1/licenses/${encodeURIComponent(key)}${query}`, { headers });

  const signIn = (licenseKey: string, password = ADMIN_PASSWORD): Promise<Answer> =>
    api.call("POST", "/v1/sessions", { token: null, body: { licenseKey, username: "admin", password } });

  const show = async (key: string) => (await api.call("GET", `/v1/licenses/${key}`)).body;

  const holdName = (schema: string) =>
    hold(
      database.adminUrl,
      `SELECT pg_advisory_xact_lock(${TENANT_SCHEMA_LOCK}, hashtext('${schema.replaceAll("'", "''")}'))`,
    );

  const operationsOf = async (key: string, kind = "delete-tenant") =>
    (await api.call("GET", `/v1/operations?licenseKey=${key}&kind=${kind}`)).body.items;

  it("is out of use at once, leaves a backup and nothing else, and touches no neighbour", async () => {
    const [gone, neighbour] = [await sold(), await sold()];
    const session = (await signIn(gone.key)).body.token;
    const redis = redisUrl === null ? null : new Redis(redisUrl);
    await redis?.mset(`${gone.role}:cart`, "1", `${neighbour.role}:cart`, "1");
    const release = await holdName(gone.schema);
    const accepted = await remove(gone.key.toLowerCase());
    expect(accepted.status).toBe(202);
    const { operation } = accepted.body;
    expect(accepted.headers.get("location")).toBe(`/v1/operations/${operation.id}`);
    expect(operation).toMatchObject({ kind: "delete-tenant", state: "queued", licenseKey: gone.key });

    expect((await show(gone.key)).tenant.state).toBe("deleting");
    expect((await api.call("GET", "/v1/session", { token: session })).body.code).toBe("UNAUTHENTICATED");
    const refused = await signIn(gone.key);
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({
      code: "TENANT_NOT_READY",
      hint: expect.stringContaining("deleted"),
    });
    expect((await signIn(gone.key, "a wrong password")).body.code).toBe("INVALID_CREDENTIALS");
    const again = await remove(gone.key);
    expect(again.status).toBe(202);
    expect(again.body.operation.id).toBe(operation.id);
    await release();

    const row = await ended(installation, operation.id);
    const text = await expectDeleted(installation, database.adminUrl, row, gone.role);
    expect(text).toContain("Al Noor Trading");
    if (redis !== null) {
      expect(await redis.exists(`${gone.role}:cart`)).toBe(0);
      expect(await redis.exists(`${neighbour.role}:cart`)).toBe(1);
      expect((await redis.acl("LIST")).filter((user) => user.includes(gone.role))).toEqual([]);
      expect((await redis.acl("LIST")).filter((user) => user.includes(neighbour.role))).not.toEqual([]);
      redis.disconnect();
    }
    expect((row.result as DeleteTenantResult).backup?.rows).toBeGreaterThan(50);
    const shown = await show(gone.key);
    const history = await api.call("GET", `/v1/licenses/${gone.key}/events`);
    expect(history.body.items[0]).toMatchObject({
      type: "deleted",
      actor: expect.stringMatching(/^api-key:/),
      from: { status: "active" },
      to: { status: "inactive" },
    });
    expect(shown).toMatchObject({
      license: { status: "inactive", key: gone.key },
      tenant: { state: "deleted" },
    });
    const listed = await api.call("GET", `/v1/licenses?status=inactive&q=${gone.key}`);
    expect(listed.body.items).toHaveLength(1);
    expect((await signIn(gone.key)).status).toBe(401);
    const late = await remove(gone.key);
    expect(late.status).toBe(409);
    expect(late.body).toMatchObject({
      code: "STATE_CONFLICT",
      detail: expect.stringContaining("deleted already"),
    });
    await expectWholeTenant(database.adminUrl, neighbour.schema);
    expect((await signIn(neighbour.key)).status).toBe(201);
  });

  it.each([
    ["no confirmation", ""],
    ["another key", "?confirm=0000-0000-0000-0000"],
    ["nothing", "?confirm="],
    ["more than the key", "?confirm=KEY0"],
  ])("stays as it is when the request confirms %s", async (_, query) => {
    const { key, schema } = await sold();
    const answer = await remove(key, {}, query.replace("KEY", key));
    expect(answer.status).toBe(400);
    expect(answer.body.code).toBe("VALIDATION_FAILED");
    expect(answer.body.errors[0].pointer).toBe("/confirm");
    expect((await show(key)).tenant.state).toBe("ready");
    expect(await operationsOf(key)).toEqual([]);
    await expectWholeTenant(database.adminUrl, schema);
  });

  it("is told of by the same answer for the same key, waited for if asked, and by 404 if unknown", async () => {
    const { key } = await sold();
    const other = await sold();
    const headers = { "idempotency-key": `delete ${key}` };
    const first = await remove(key, headers);
    expect(first.status).toBe(202);
    expect(first.headers.get("idempotency-replayed")).toBeNull();
    const waited = await remove(key, { ...headers, prefer: "wait=30" });
    expect(waited.status).toBe(200);
    expect(waited.headers.get("idempotency-replayed")).toBe("true");
    expect(waited.body.operation).toMatchObject({ id: first.body.operation.id, state: "succeeded" });
    const replayed = await remove(key, headers);
    expect(replayed.body).toEqual(first.body);
    expect((await remove(other.key, headers)).body.code).toBe("IDEMPOTENCY_KEY_REUSED");
    const order = await api.call("POST", "/v1/licenses", { body: createLicenseBody(), headers });
    expect(order.body.code).toBe("IDEMPOTENCY_KEY_REUSED");
    const change = { "idempotency-key": `change ${other.key}` };
    await api.call("POST", `/v1/licenses/${other.key}/deactivate`, { body: {}, headers: change });
    expect((await remove(other.key, change)).body.code).toBe("IDEMPOTENCY_KEY_REUSED");
    expect((await remove("0000-0000-0000-0000")).body.code).toBe("LICENSE_NOT_FOUND");
  });

  it("is deleted once when twenty ask at once, each with an idempotency key of its own or none", async () => {
    const { key, role } = await sold();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        remove(key, index % 2 === 0 ? {} : { "idempotency-key": `${key} ${index}` }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    const ids = new Set(answers.map(({ body }) => body.operation.id));
    expect(ids.size).toBe(1);
    expect(await operationsOf(key)).toHaveLength(1);
    const row = await ended(installation, [...ids][0]);
    await expectDeleted(installation, database.adminUrl, row, role);
    const replayed = await remove(key, { "idempotency-key": `${key} 1` });
    expect(replayed.headers.get("idempotency-replayed")).toBe("true");
    expect(replayed.body.operation.id).toBe([...ids][0]);
  });

  it("is found again when the queue was never told, or lost it", async () => {
    const { key, role } = await sold();
    const { operation } = await deleteLicense(installation.ctx, { licenseKey: key }, CALLER);
    const row = await ended(installation, operation.id);
    await expectDeleted(installation, database.adminUrl, row, role);
  });

  it("can't be one that is still being made; one whose making failed can", async () => {
    await worker.close();
    const { license, tenant, operation } = await acceptLicense(installation);
    const early = await remove(license.key);
    expect(early.status).toBe(409);
    expect(early.body).toMatchObject({
      code: "STATE_CONFLICT",
      hint: expect.stringContaining(`tenantry operation cancel ${operation.id}`),
    });
    await api.call("POST", `/v1/operations/${operation.id}/cancel`);
    const canceled = await remove(license.key);
    expect(canceled.status).toBe(202);
    // Making it after all is too late.
    expect((await api.call("POST", `/v1/operations/${operation.id}/retry`)).body.code).toBe("STATE_CONFLICT");
    const second = await installation.work();
    const row = await ended(installation, canceled.body.operation.id);
    expect(row).toMatchObject({ state: "succeeded", result: { backup: null } });
    expect((await show(license.key)).tenant.state).toBe("deleted");
    expect(await leftOf(database.adminUrl, { schema: tenant.schema, role: "none" })).toEqual([]);
    const retried = await api.call("POST", `/v1/operations/${operation.id}/retry`);
    expect(retried.body.code).toBe("STATE_CONFLICT");
    // Nor is it made by a worker that gets to the order after all, however it was put back.
    await installation.ctx.control
      .updateTable("operations")
      .set({ state: "queued", finished_at: null, cancel_requested_at: null, enqueued_at: null })
      .where("id", "=", operation.id)
      .execute();
    expect(await ended(installation, operation.id)).toMatchObject({
      state: "failed",
      error: { code: "STATE_CONFLICT" },
    });
    expect((await show(license.key)).tenant.state).toBe("deleted");
    expect(await leftOf(database.adminUrl, { schema: tenant.schema, role: "none" })).toEqual([]);
    await second.close();
  });

  it("leaves a stranger's schema alone that its creation had failed at", async () => {
    const making = await installation.work();
    const { license, tenant, operation } = await acceptLicense(installation);
    await withAdmin(database.url, (client) =>
      client.query(`CREATE SCHEMA ${tenant.schema}; CREATE TABLE ${tenant.schema}.theirs ()`),
    );
    expect((await ended(installation, operation.id)).state).toBe("failed");
    const { body } = await remove(license.key, { prefer: "wait=30" });
    expect(body.operation).toMatchObject({ state: "succeeded", result: { backup: null } });
    const left = await withAdmin(database.url, (client) =>
      client.query(`SELECT count(*)::int FROM ${tenant.schema}.theirs`),
    );
    expect(left.rows).toEqual([{ count: 0 }]);
    await making.close();
  });

  it("can be called off while it waits or before it drops, and is usable again; not later", async () => {
    const waiting = await sold2();
    const { body } = await remove(waiting.key);
    const canceled = await api.call("POST", `/v1/operations/${body.operation.id}/cancel`);
    expect(canceled.body.state).toBe("canceled");
    expect((await show(waiting.key)).tenant.state).toBe("ready");
    expect((await signIn(waiting.key)).status).toBe(201);

    // Taken up again, and called off while a worker has it.
    const release = await holdName(waiting.schema);
    const retried = await api.call("POST", `/v1/operations/${body.operation.id}/retry`);
    expect(retried.status).toBe(200);
    expect((await show(waiting.key)).tenant.state).toBe("deleting");
    const busy = await installation.work();
    await untilBlocked(database.adminUrl, "tenantry-test-provisioning");
    const asked = await api.call("POST", `/v1/operations/${body.operation.id}/cancel`);
    expect(asked.body.state).toBe("running");
    await release();
    expect((await ended(installation, body.operation.id)).state).toBe("canceled");
    await expectWholeTenant(database.adminUrl, waiting.schema);
    expect((await signIn(waiting.key)).status).toBe(201);

    // A reader of one table doesn't hold up the backup, but the drop.
    const releaseTable = await hold(
      database.adminUrl,
      `LOCK TABLE ${waiting.schema}.users IN ACCESS SHARE MODE`,
    );
    const third = (await remove(waiting.key)).body.operation;
    await untilBlocked(database.adminUrl, "tenantry-test-provisioning");
    const late = await api.call("POST", `/v1/operations/${third.id}/cancel`);
    expect(late.body).toMatchObject({
      code: "STATE_CONFLICT",
      detail: expect.stringContaining("being dropped"),
    });
    await releaseTable();
    await expectDeleted(installation, database.adminUrl, await ended(installation, third.id), waiting.role);
    await busy.close();
  });

  /** Like `sold`, and nobody works afterwards. */
  async function sold2(): Promise<Sold> {
    const maker = await installation.work();
    const made = await sold();
    await maker.close();
    return made;
  }
});

describe("a deletion that goes wrong", async () => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({ databaseUrl: database.url });
  const { ctx, backupDirectory } = installation;
  await installation.work();

  async function sold() {
    const { license, tenant, operation } = await orderLicense(installation);
    expect((await ended(installation, operation.id)).state).toBe("succeeded");
    return { key: license.key, schema: tenant.schema, role: await roleOf(installation, tenant) };
  }

  const tenantRow = (key: string) =>
    ctx.control
      .selectFrom("tenants")
      .innerJoin("licenses", "licenses.id", "tenants.license_id")
      .selectAll("tenants")
      .where("licenses.key", "=", normalizeLicenseKey(key))
      .executeTakeFirstOrThrow();

  async function attempt(key: string) {
    const { operation } = await deleteLicense(ctx, { licenseKey: key }, CALLER);
    return ended(installation, operation.id);
  }

  /** What an operation has to be done again for, as soon as it is. */
  async function triedAgain(operationId: string): Promise<StoredError> {
    for (const deadline = Date.now() + 30_000; Date.now() < deadline; await wait(20)) {
      const event = await ctx.control
        .selectFrom("operation_events")
        .select("data")
        .where("operation_id", "=", operationId)
        .where("type", "=", "retrying")
        .executeTakeFirst();
      if (event !== undefined) return (event.data as { error: StoredError }).error;
    }
    throw new Error("it isn't tried again");
  }

  /** Nothing was dropped, and the tenant works; nothing lies in the store, and nobody waits for a backup. */
  async function expectUnharmed({ key, schema, role }: Awaited<ReturnType<typeof sold>>): Promise<void> {
    const tenant = await tenantRow(key);
    expect(tenant.state).toBe("ready");
    await expectWholeTenant(database.adminUrl, schema);
    expect(await retiredSchemas(database.adminUrl)).toEqual([]);
    expect(await leftOf(database.adminUrl, { schema, role })).toHaveLength(2);
    expect(filesIn(join(backupDirectory, tenantFolder(key)))).toEqual([]);
    const backups = await ctx.control
      .selectFrom("backups")
      .select("state")
      .where("license_key", "=", key)
      .execute();
    expect(backups.map(({ state }) => state)).not.toContain("making");
    await withTenant(ctx, tenant, (db) => sql`insert into roles (name) values ('works')`.execute(db));
    await withTenant(ctx, tenant, (db) => sql`delete from roles where name = 'works'`.execute(db));
  }

  it("because the folder is a file drops nothing, and goes well when that is mended", async () => {
    const tenant = await sold();
    await writeFile(backupDirectory, "in the way");
    const failed = await attempt(tenant.key);
    expect(failed).toMatchObject({
      state: "failed",
      attempts: 1,
      error: {
        code: "STORE_UNAVAILABLE",
        detail: expect.stringMatching(/(EEXIST|ENOTDIR).*Nothing was dropped/),
        hint: expect.stringContaining("BACKUP_URL"),
      },
    });
    await rm(backupDirectory);
    await expectUnharmed(tenant);
    await expectDeleted(installation, database.adminUrl, await attempt(tenant.key), tenant.role);
  });

  it.runIf(canMount())("because the disk is full drops nothing", async () => {
    const tenant = await sold();
    await mkdir(backupDirectory, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tenantry-test", backupDirectory]);
    try {
      await withAdmin(database.adminUrl, (client) =>
        client.query(
          `INSERT INTO ${tenant.schema}.security_logs (event_type, details)
           SELECT 'x', md5(random()::text) FROM generate_series(1, 20000)`,
        ),
      );
      expect(await attempt(tenant.key)).toMatchObject({
        state: "failed",
        error: { code: "STORE_UNAVAILABLE", detail: expect.stringMatching(/ENOSPC.*Nothing was dropped/) },
      });
      expect(filesIn(backupDirectory)).toEqual([]);
    } finally {
      execFileSync("umount", [backupDirectory]);
    }
    await expectUnharmed(tenant);
    // Nobody's data goes because somebody lets the doctor mend things.
    const findings = await examineInstallation(ctx, { caller: CALLER, announce: async () => undefined });
    const failures = findings.filter(({ check }) => check === "failures");
    expect(failures[0]?.detail).toContain("delete-tenant");
    expect(failures.map(({ fix }) => fix)).toEqual(failures.map(() => undefined));
  });

  it("because there is no way to make the folder is tried again, and gives the tenant back when it is called off", async () => {
    const lost = await openTestInstallation({ databaseUrl: database.url, backupDirectory: "/proc/nowhere" });
    const tenant = await sold();
    await Promise.all(installation.workers().map((each) => each.close()));
    await lost.work();
    const { operation } = await deleteLicense(ctx, { licenseKey: tenant.key }, CALLER);
    const trouble = await triedAgain(operation.id);
    expect(trouble).toMatchObject({
      code: "STORE_UNAVAILABLE",
      detail: expect.stringContaining("Nothing was dropped"),
    });
    await cancelOperation(ctx, operation.id, CALLER);
    expect(await ended(installation, operation.id)).toMatchObject({ state: "canceled" });
    await expectUnharmed(tenant);
    await Promise.all(lost.workers().map((each) => each.close()));
    await installation.work();
  });

  it("because somebody else's table is in the schema drops nothing, and says what to do", async () => {
    const tenant = await sold();
    await withAdmin(database.adminUrl, (client) => client.query(`CREATE TABLE ${tenant.schema}.theirs ()`));
    expect(await attempt(tenant.key)).toMatchObject({
      state: "failed",
      error: {
        code: "BACKUP_FAILED",
        detail: expect.stringContaining("42501"),
        hint: expect.stringContaining("OWNER TO"),
      },
    });
    await withAdmin(database.adminUrl, (client) => client.query(`DROP TABLE ${tenant.schema}.theirs`));
    await expectUnharmed(tenant);
  });

  it("doesn't, though the tenant is newer than the worker: its backup says what it is", async () => {
    const tenant = await sold();
    await withAdmin(database.adminUrl, (client) =>
      client.query(`INSERT INTO ${tenant.schema}.kysely_migration VALUES ('9999_later', 'now')`),
    );
    const row = await attempt(tenant.key);
    const sql = await expectDeleted(installation, database.adminUrl, row, tenant.role);
    expect(sql).toContain("9999_later\t");
    const { backup } = row.result as DeleteTenantResult;
    expect(await getBackup(ctx, backup?.backupId ?? "")).toMatchObject({ version: "9999_later" });
  });

  it("after it began to drop stays deleting, and is finished by whoever deletes again", async () => {
    const tenant = await sold();
    // What the role was given elsewhere by somebody else holds it back.
    await withAdmin(database.adminUrl, async (client) => {
      await client.query(`CREATE DATABASE ${tenant.schema}_x`);
      await client.query(`GRANT CONNECT ON DATABASE ${tenant.schema}_x TO ${tenant.role}`);
    });
    const failed = await attempt(tenant.key);
    expect(failed).toMatchObject({ state: "failed", error: { code: "DELETION_FAILED" } });
    expect((await tenantRow(tenant.key)).state).toBe("deleting");
    await withAdmin(database.adminUrl, async (client) => {
      await client.query(`DROP DATABASE ${tenant.schema}_x`);
    });
    const again = await attempt(tenant.key);
    expect(again.id).toBe(failed.id);
    await expectDeleted(installation, database.adminUrl, again, tenant.role);
  });

  it.runIf(process.getuid?.() !== 0)("because the folder can't be written drops nothing", async () => {
    const tenant = await sold();
    await mkdir(backupDirectory, { recursive: true });
    await chmod(backupDirectory, 0o500);
    expect(await attempt(tenant.key)).toMatchObject({
      state: "failed",
      error: { code: "STORE_UNAVAILABLE" },
    });
    await chmod(backupDirectory, 0o700);
    await expectUnharmed(tenant);
  });
});

describe("what a tenant's own login leaves behind", async () => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({ databaseUrl: database.url });

  it("goes with it: open sessions, large objects, rights given by hand", async () => {
    await installation.work();
    const { license, tenant, operation } = await orderLicense(installation);
    expect((await ended(installation, operation.id)).state).toBe("succeeded");
    const role = await roleOf(installation, tenant);
    const url = new URL(database.url);
    url.username = role;
    url.password = "set by hand";
    await withAdmin(database.adminUrl, async (client) => {
      await client.query(`ALTER ROLE ${role} LOGIN PASSWORD 'set by hand'`);
      const made = await client.query("SELECT lo_from_bytea(0, 'of the tenant') AS oid");
      await client.query(`ALTER LARGE OBJECT ${made.rows[0].oid} OWNER TO ${role}`);
    });
    await withAdmin(database.url, (client) =>
      client.query(`CREATE SCHEMA elsewhere; GRANT USAGE ON SCHEMA elsewhere TO ${role}`),
    );
    await withAdmin(url.href, async (session) => {
      const gone = new Promise((resolve) => session.once("end", resolve));
      const { operation: deletion } = await deleteLicense(
        installation.ctx,
        { licenseKey: license.key },
        CALLER,
      );
      await expectDeleted(installation, database.adminUrl, await ended(installation, deletion.id), role);
      await gone;
    });
    const objects = await withAdmin(database.adminUrl, (client) =>
      client.query("SELECT count(*)::int FROM pg_largeobject_metadata"),
    );
    expect(objects.rows).toEqual([{ count: 0 }]);
  });
});

describe("the last backup of a tenant in full use", async () => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({ databaseUrl: database.url });

  it("holds every row that an application was told is saved, and the application is told when it is over", async () => {
    await installation.work();
    const { license, tenant, operation } = await orderLicense(installation);
    expect((await ended(installation, operation.id)).state).toBe("succeeded");
    const role = await roleOf(installation, tenant);
    const { ordinal } = await installation.ctx.control
      .selectFrom("tenants")
      .select("ordinal")
      .where("schema_name", "=", tenant.schema)
      .executeTakeFirstOrThrow();
    // As an application has it that read the tenant's row a while ago.
    const stale = {
      schema_name: tenant.schema,
      role_name: role,
      placement: "default",
      state: "ready" as const,
      ordinal,
    };
    const saved: string[] = [];
    const refusals: unknown[] = [];
    const write = async (writer: number): Promise<void> => {
      for (let n = 0; refusals.length < 4; n++) {
        const name = `written-${writer}-${n}`;
        try {
          await withTenant(installation.ctx, stale, async (db) => {
            await sql`insert into roles (name) values (${name})`.execute(db);
          });
          saved.push(name);
        } catch (error) {
          refusals.push(error);
        }
      }
    };
    const writers = [1, 2, 3, 4].map(write);
    while (saved.length < 50) await new Promise((resolve) => setImmediate(resolve));
    const { operation: deletion } = await deleteLicense(
      installation.ctx,
      { licenseKey: license.key },
      CALLER,
    );
    const row = await ended(installation, deletion.id);
    await Promise.all(writers);
    const text = await expectDeleted(installation, database.adminUrl, row, role);
    const kept = [...text.matchAll(/\twritten-\d+-\d+\t/g)].map(([name]) => name.trim());
    expect(kept.sort()).toEqual([...saved].sort());
    expect(saved.length).toBeGreaterThan(50);
  });
});
