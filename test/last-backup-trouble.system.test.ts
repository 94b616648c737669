import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { tenantFolder } from "@tenantry/archive";
import { announceAgain, announceNew } from "@tenantry/jobs";
import {
  cancelOperation,
  type DeleteTenantResult,
  deleteLicense,
  examineLicense,
  getBackup,
  listBackups,
  orderBackup,
  retryOperation,
  type StoredError,
} from "@tenantry/tenancy";
import { afterAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { expectDeleted, leftOf, retiredSchemas, storedOf } from "./support/deletion-check.ts";
import { ended } from "./support/requests.ts";
import { startS3Server } from "./support/s3-server.ts";
import { openTestInstallation, queueStores, type TestInstallation } from "./support/tenantry.ts";
import { type ReadyTenant, readyTenants } from "./support/tenants.ts";
import { tiny } from "./support/tiny-blueprint.ts";
import { startWorkerProcess } from "./support/worker-process.ts";

const CALLER = { actor: "cli:test", apiKeyId: null, idempotency: null };
const ORDER = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };

/** What lies in a store that is a folder, whole or not. */
function filesIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

/** A tenant of three rows, or of more than a backup is done with at once; nobody works afterwards. */
async function tenantOf(installation: TestInstallation, adminUrl: string, rows = 3): Promise<ReadyTenant> {
  const worker = await installation.work();
  const [tenant] = await readyTenants(installation, 1, ORDER);
  await worker.close();
  if (tenant === undefined) throw new Error("no tenant");
  await withAdmin(adminUrl, (client) =>
    client.query(
      `INSERT INTO ${tenant.row.schema_name}.items SELECT (random() * 2000000000)::int FROM generate_series(1, ${rows})`,
    ),
  );
  return tenant;
}

async function deletion(installation: TestInstallation, licenseKey: string): Promise<string> {
  const { ctx, queues } = installation;
  const { operation, bell } = await deleteLicense(ctx, { licenseKey }, CALLER);
  if (bell.kind === "new") await announceNew(ctx, queues, bell.entry);
  return operation.id;
}

async function retried(installation: TestInstallation, operationId: string) {
  await retryOperation(installation.ctx, operationId, CALLER);
  await announceAgain(installation.ctx, installation.queues, operationId);
  return ended(installation, operationId);
}

/** Nothing was dropped, and the tenant is in use again. */
async function expectUnharmed({ ctx }: TestInstallation, adminUrl: string, tenant: ReadyTenant) {
  const { state } = await ctx.control
    .selectFrom("tenants")
    .select("state")
    .where("id", "=", tenant.row.id)
    .executeTakeFirstOrThrow();
  expect(state).toBe("ready");
  expect(await retiredSchemas(adminUrl)).toEqual([]);
  const { schema_name: schema, role_name: role } = tenant.row;
  expect(await leftOf(adminUrl, { schema, role })).toHaveLength(2);
}

/** The last backup of a license, whatever has become of it. */
async function lastOf({ ctx }: TestInstallation, operationId: string) {
  const { id } = await ctx.control
    .selectFrom("backups")
    .select("id")
    .where("operation_id", "=", operationId)
    .executeTakeFirstOrThrow();
  return getBackup(ctx, id);
}

describe.each(queueStores())(
  "a tenant of some size that is deleted, queue on $name",
  async ({ redisUrl }) => {
    const database = await createTestDatabase();
    const installation = await openTestInstallation({
      databaseUrl: database.url,
      redisUrl,
      blueprints: [tiny],
    });
    const { ctx, backupDirectory } = installation;

    async function untilHalfWritten(): Promise<void> {
      for (const deadline = Date.now() + 30_000; Date.now() < deadline; await wait(5)) {
        const partial = filesIn(backupDirectory).filter((name) => name.includes(".partial"));
        if (partial.some((name) => (statSync(name, { throwIfNoEntry: false })?.size ?? 0) > 1_000_000))
          return;
      }
      throw new Error("no backup came into being");
    }

    it("while it is backed up doesn't wait for that, and leaves its last backup alone", async () => {
      const tenant = await tenantOf(installation, database.adminUrl, 3_000_000);
      const slow = await startWorkerProcess(database.url, redisUrl, backupDirectory);
      const { answer, entry } = await orderBackup(ctx, { licenseKey: tenant.key }, CALLER);
      if (entry !== null) await announceNew(ctx, installation.queues, entry);
      await untilHalfWritten();
      slow.signal("SIGSTOP");
      // Long enough that the other is taken for slow, and not for dead.
      const worker = await installation.work({ leaseMs: 120_000 });
      const row = await ended(installation, await deletion(installation, tenant.key));
      expect((row.result as DeleteTenantResult).backup?.rows).toBeGreaterThanOrEqual(3_000_000);
      slow.signal("SIGCONT");
      expect(await ended(installation, answer.operation.id)).toMatchObject({
        state: "failed",
        attempts: 1,
        error: { code: "STATE_CONFLICT", detail: expect.stringContaining("deleted") },
      });
      await slow.kill();
      await worker.close();
      await expectDeleted(installation, database.adminUrl, row, tenant.row.role_name);
      expect(filesIn(backupDirectory)).toHaveLength(1);
      expect(await getBackup(ctx, answer.backup.id)).toMatchObject({ state: "gone", takenAt: null });
      // Nor is it made by anybody who gets to it later.
      const late = await installation.work();
      expect(await retried(installation, answer.operation.id)).toMatchObject({
        state: "failed",
        error: { code: "STATE_CONFLICT" },
      });
      await late.close();
      expect(await getBackup(ctx, answer.backup.id)).toMatchObject({ state: "gone" });
    });

    it("and called off in the middle of its backup stays, with nothing in the store; and goes when asked again", async () => {
      const tenant = await tenantOf(installation, database.adminUrl, 3_000_000);
      const before = filesIn(backupDirectory);
      const worker = await installation.work();
      const operationId = await deletion(installation, tenant.key);
      await untilHalfWritten();
      expect(await lastOf(installation, operationId)).toMatchObject({ kind: "last", state: "making" });
      await cancelOperation(ctx, operationId, CALLER);
      expect(await ended(installation, operationId)).toMatchObject({ state: "canceled" });
      await expectUnharmed(installation, database.adminUrl, tenant);
      expect(filesIn(backupDirectory)).toEqual(before);
      const { id } = await lastOf(installation, operationId);
      expect(await getBackup(ctx, id)).toMatchObject({ state: "gone" });
      const row = await retried(installation, operationId);
      await expectDeleted(installation, database.adminUrl, row, tenant.row.role_name);
      expect(await lastOf(installation, operationId)).toMatchObject({ id, state: "ready" });
      await worker.close();
    });

    it("and that an earlier version had dropped in part is finished, and tells of the file that this one left", async () => {
      const tenant = await tenantOf(installation, database.adminUrl);
      const operationId = await deletion(installation, tenant.key);
      const file = { file: `${tenant.key}-${operationId}-1.sql.zst`, host: "its-worker" };
      const plainBackup = { ...file, bytes: 1_234, rows: 9, sha256: "ab".repeat(32) };
      await ctx.control
        .updateTable("deletions")
        .set({ backup: JSON.stringify(plainBackup), drop_began_at: new Date() })
        .where("operation_id", "=", operationId)
        .execute();
      const retired = `deleting_${tenant.row.id.replaceAll("-", "")}`;
      await withAdmin(database.adminUrl, (client) =>
        client.query(`ALTER SCHEMA ${tenant.row.schema_name} RENAME TO ${retired}`),
      );
      const worker = await installation.work();
      const row = await ended(installation, operationId);
      await worker.close();
      expect(row).toMatchObject({ state: "succeeded", result: { backup: null, plainBackup } });
      expect(filesIn(join(backupDirectory, tenantFolder(tenant.key)))).toEqual([]);
      const announce = async () => undefined;
      const asked = { licenseKey: tenant.key, username: null, caller: CALLER, announce };
      const findings = await examineLicense(ctx, asked);
      const told = findings.find(({ check }) => check === "tenant");
      expect(told?.detail).toContain(`${file.file}, written on its-worker`);
    });
  },
);

describe("a last backup in a bucket, encrypted", async () => {
  const server = await startS3Server();
  for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value);
  afterAll(async () => {
    vi.unstubAllEnvs();
    await server.stop();
  });
  const database = await createTestDatabase();
  const installation = await openTestInstallation({
    databaseUrl: database.url,
    blueprints: [tiny],
    backups: { url: `s3://${server.bucket}/here`, s3Endpoint: server.endpoint, key: randomBytes(32) },
  });
  const { ctx } = installation;

  it("is there, whole, when the tenant is gone", async () => {
    const tenant = await tenantOf(installation, database.adminUrl);
    const worker = await installation.work();
    const row = await ended(installation, await deletion(installation, tenant.key));
    await worker.close();
    const sql = await expectDeleted(installation, database.adminUrl, row, tenant.row.role_name);
    expect(sql).toContain('COPY "items"');
    const { items } = await listBackups(ctx, { licenseKey: tenant.key }, { limit: 10 });
    expect(items).toMatchObject([{ kind: "last", encrypted: true, state: "ready" }]);
    expect(server.uploads()).toEqual([]);
  });

  it("that can't be made, the bucket being away, is made when it is back; until then nothing is dropped", async () => {
    const tenant = await tenantOf(installation, database.adminUrl);
    server.refuse(() => ({ status: 503, code: "ServiceUnavailable" }));
    onTestFinished(() => server.refuse(null));
    const worker = await installation.work();
    const operationId = await deletion(installation, tenant.key);
    expect(await triedAgain(operationId)).toMatchObject({
      code: "STORE_UNAVAILABLE",
      detail: expect.stringContaining("Nothing was dropped"),
    });
    const { schema_name: schema, role_name: role } = tenant.row;
    expect(await leftOf(database.adminUrl, { schema, role })).toHaveLength(2);
    expect(await retiredSchemas(database.adminUrl)).toEqual([]);
    server.refuse(null);
    const row = await ended(installation, operationId);
    await worker.close();
    expect(row.attempts).toBeGreaterThan(1);
    await expectDeleted(installation, database.adminUrl, row, role);
  });

  it("that can't be read again is none: the tenant stays", async () => {
    const tenant = await tenantOf(installation, database.adminUrl);
    server.refuse((method, path) =>
      method === "GET" && path.includes(".tar?") ? { status: 403, code: "AccessDenied" } : null,
    );
    onTestFinished(() => server.refuse(null));
    const worker = await installation.work();
    const operationId = await deletion(installation, tenant.key);
    expect(await ended(installation, operationId)).toMatchObject({
      state: "failed",
      error: { code: "STORE_UNAVAILABLE", detail: expect.stringContaining("Nothing was dropped") },
    });
    await expectUnharmed(installation, database.adminUrl, tenant);
    expect(await lastOf(installation, operationId)).toMatchObject({ state: "gone" });
    server.refuse(null);
    expect(await storedOf(installation, tenant.key)).toEqual([]);
    const row = await retried(installation, operationId);
    await worker.close();
    await expectDeleted(installation, database.adminUrl, row, tenant.row.role_name);
  });

  /** What an operation has to be done again for, as soon as it is. */
  async function triedAgain(operationId: string): Promise<StoredError> {
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; await wait(20)) {
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
});
