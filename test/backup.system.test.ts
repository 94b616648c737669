import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { keyName, type StoreName } from "@tenantry/archive";
import { announceNew } from "@tenantry/jobs";
import {
  cancelOperation,
  checkBackup,
  getBackup,
  importBackup,
  listBackups,
  orderBackup,
  orderVerify,
  readBackupContent,
  retryOperation,
  type TenancyContext,
} from "@tenantry/tenancy";
import { afterAll, describe, expect, it, vi } from "vitest";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { ended } from "./support/requests.ts";
import { startS3Server } from "./support/s3-server.ts";
import { openTestInstallation, queueStores, type TestInstallation } from "./support/tenantry.ts";
import { readyTenants } from "./support/tenants.ts";
import { tiny } from "./support/tiny-blueprint.ts";
import { startWorkerProcess } from "./support/worker-process.ts";

const CALLER = { actor: "cli:test", apiKeyId: null, idempotency: null };
const ORDER = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };

/** What lies in a store that is a folder, whole or not. */
function filesIn(directory: string): string[] {
  mkdirSync(directory, { recursive: true });
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

async function ordered(installation: TestInstallation, licenseKey: string) {
  const { answer, entry } = await orderBackup(installation.ctx, { licenseKey }, CALLER);
  if (entry !== null) await announceNew(installation.ctx, installation.queues, entry);
  return answer;
}

async function madeOf(installation: TestInstallation, licenseKey: string) {
  const { backup, operation } = await ordered(installation, licenseKey);
  expect(await ended(installation, operation.id)).toMatchObject({ state: "succeeded" });
  return getBackup(installation.ctx, backup.id);
}

const archivesIn = (directory: string): string[] =>
  filesIn(directory).filter((name) => name.endsWith(".tar"));

let prefixes = 0;

/** Places of its own for whoever asks. */
const STORES = [
  { store: "folders", open: async () => async () => ({}) },
  {
    store: "buckets",
    open: async () => {
      const server = await startS3Server();
      afterAll(() => server.stop());
      for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value);
      afterAll(() => void vi.unstubAllEnvs());
      // One prefix in another, as installations that share a bucket may lie.
      return async () => {
        prefixes += 1;
        return { url: `s3://${server.bucket}${"/more".repeat(prefixes)}`, s3Endpoint: server.endpoint };
      };
    },
  },
];

describe.each(queueStores())("a backup, queue on $name", async ({ redisUrl }) => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({
    databaseUrl: database.url,
    redisUrl,
    blueprints: [tiny],
  });
  const { ctx, backupDirectory } = installation;

  async function tenants(count: number) {
    const worker = await installation.work();
    const made = await readyTenants(installation, count, ORDER);
    await worker.close();
    return made;
  }

  async function large() {
    const [tenant] = await tenants(1);
    if (tenant === undefined) throw new Error("no tenant");
    await withAdmin(database.adminUrl, (client) =>
      client.query(
        `INSERT INTO ${tenant.row.schema_name}.items SELECT (random() * 2000000000)::int FROM generate_series(1, 3000000)`,
      ),
    );
    return tenant;
  }

  async function untilHalfWritten(): Promise<void> {
    for (const deadline = Date.now() + 30_000; Date.now() < deadline; await wait(5)) {
      const partial = filesIn(backupDirectory).filter((name) => name.includes(".partial"));
      if (partial.some((name) => (statSync(name, { throwIfNoEntry: false })?.size ?? 0) > 1_000_000)) return;
    }
    throw new Error("no backup came into being");
  }

  it("that its worker dies at is made once, and whole, by another", async () => {
    const tenant = await large();
    const victim = await startWorkerProcess(database.url, redisUrl, backupDirectory);
    const { backup, operation } = await ordered(installation, tenant.key);
    await untilHalfWritten();
    await victim.kill();
    expect(await getBackup(ctx, backup.id)).toMatchObject({ state: "making", sha256: null });
    expect((await listBackups(ctx, { licenseKey: tenant.key }, { limit: 10 })).items).toEqual([]);
    const rescuer = await installation.work();
    expect(await ended(installation, operation.id)).toMatchObject({ state: "succeeded", attempts: 2 });
    await rescuer.close();
    expect(await checkBackup(ctx, backup.id)).toMatchObject({ state: "ready", rows: expect.any(Number) });
    expect((await getBackup(ctx, backup.id)).rows).toBeGreaterThanOrEqual(3_000_000);
    expect(archivesIn(backupDirectory)).toHaveLength(1);
    expect(await ctx.control.selectFrom("backup_attempts").selectAll().execute()).toEqual([]);
  });

  it("that is called off leaves nothing", async () => {
    const tenant = await large();
    const before = archivesIn(backupDirectory);
    const worker = await installation.work();
    const { backup, operation } = await ordered(installation, tenant.key);
    await untilHalfWritten();
    await cancelOperation(ctx, operation.id, CALLER);
    expect(await ended(installation, operation.id)).toMatchObject({ state: "canceled" });
    await worker.close();
    expect((await getBackup(ctx, backup.id)).state).not.toBe("ready");
    expect(archivesIn(backupDirectory)).toEqual(before);
    expect(filesIn(backupDirectory).filter((name) => name.includes(backup.id))).toEqual([]);
  });

  it("fails where the store can't be written, and is made when it can be again", async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), "tenantry-store-"));
    afterAll(() => rmSync(elsewhere, { recursive: true, force: true }));
    const blocked = join(elsewhere, "backups");
    writeFileSync(blocked, "in the way");
    const second = await openTestInstallation({
      databaseUrl: (await createTestDatabase()).url,
      redisUrl,
      blueprints: [tiny],
      backupDirectory: blocked,
    });
    await second.work();
    const [tenant] = await readyTenants(second, 1, ORDER);
    const { backup, operation } = await ordered(second, tenant?.key ?? "");
    expect(await ended(second, operation.id)).toMatchObject({
      state: "failed",
      error: { code: "STORE_UNAVAILABLE" },
    });
    expect((await getBackup(second.ctx, backup.id)).state).not.toBe("ready");
    await rm(blocked);
    await mkdir(blocked);
    await retryOperation(second.ctx, operation.id, CALLER);
    expect(await ended(second, operation.id)).toMatchObject({ state: "succeeded" });
    expect(await getBackup(second.ctx, backup.id)).toMatchObject({ state: "ready" });
  });
});

describe.each(STORES)("backups in $store", async ({ open: openStores }) => {
  const open = await openStores();
  const [{ redisUrl = null } = {}] = queueStores();
  const database = await createTestDatabase();
  const key = randomBytes(32);
  const place = await open();
  const installation = await openTestInstallation({
    databaseUrl: database.url,
    redisUrl,
    blueprints: [tiny],
    backups: { key, ...place },
  });
  const { ctx } = installation;
  const { store } = ctx.backups;
  await installation.work();
  const [one, other] = await readyTenants(installation, 2, ORDER);
  if (one === undefined || other === undefined) throw new Error("no tenants");

  const verified = async (id: string) => {
    const { answer, entry } = await orderVerify(ctx, { id }, CALLER);
    if (entry !== null) await announceNew(ctx, installation.queues, entry);
    return ended(installation, answer.operation.id);
  };

  async function namesIn({ backups }: TenancyContext): Promise<StoreName[]> {
    const names: StoreName[] = [];
    for await (const { name } of backups.store.list("tenants/")) names.push(name);
    return names;
  }

  const nameOf = async (id: string): Promise<StoreName> => {
    const name = (await namesIn(ctx)).find(
      (candidate) => candidate.includes(id) && candidate.endsWith(".tar"),
    );
    if (name === undefined) throw new Error("no such archive");
    return name;
  };

  it("are proven by being restored, and a proof leaves nothing behind", async () => {
    const { id } = await madeOf(installation, one.key);
    expect(await verified(id)).toMatchObject({ state: "succeeded" });
    expect((await getBackup(ctx, id)).verifiedAt).not.toBeNull();
    await withAdmin(database.adminUrl, async (client) => {
      const { rows } = await client.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'verifying%'");
      expect(rows).toEqual([]);
    });
  });

  it("are known for bad once somebody has seen it, and for good again when they are", async () => {
    const { id } = await madeOf(installation, one.key);
    const name = await nameOf(id);
    const whole = await store.get(name);
    await store.put(name, whole.subarray(0, whole.length - 512));
    await expect(checkBackup(ctx, id)).rejects.toMatchObject({ code: "BACKUP_CORRUPT" });
    expect((await getBackup(ctx, id)).trouble).toMatchObject({ code: "BACKUP_CORRUPT" });
    expect(await verified(id)).toMatchObject({ state: "failed", error: { code: "BACKUP_CORRUPT" } });
    await expect(readBackupContent(ctx, id, "sql")).rejects.toMatchObject({ code: "BACKUP_CORRUPT" });
    await store.put(name, whole);
    expect(await checkBackup(ctx, id)).toMatchObject({ trouble: null });
  });

  it("aren't taken for another license's, whole as they are", async () => {
    const [mine, theirs] = [await madeOf(installation, one.key), await madeOf(installation, other.key)];
    const [name, foreign] = [await nameOf(mine.id), await nameOf(theirs.id)];
    await store.put(name, await store.get(foreign));
    await store.put(keyName(name), await store.get(keyName(foreign)));
    await expect(checkBackup(ctx, mine.id)).rejects.toMatchObject({ code: "BACKUP_CORRUPT" });
  });

  describe("that come from another installation", async () => {
    const theirs = await openTestInstallation({
      databaseUrl: (await createTestDatabase()).url,
      redisUrl,
      blueprints: [tiny],
      backups: { key, ...(await open()) },
    });
    const stranger = await openTestInstallation({
      databaseUrl: (await createTestDatabase()).url,
      redisUrl,
      blueprints: [tiny],
      backups: { key: randomBytes(32), ...(await open()) },
    });

    it("are taken in once, if they were signed by our key", async () => {
      const { id, rows } = await madeOf(installation, one.key);
      const exported = await buffer((await readBackupContent(ctx, id, "archive")).stream);
      const taken = await importBackup(theirs.ctx, Readable.from([exported]), CALLER);
      expect(taken).toMatchObject({ licenseKey: one.key, state: "ready", encrypted: true, rows });
      expect(await checkBackup(theirs.ctx, taken.id)).toMatchObject({ id: taken.id });
      const again = await importBackup(theirs.ctx, Readable.from([exported]), CALLER);
      expect(again.id).toBe(taken.id);
      expect(await namesIn(theirs.ctx)).toHaveLength(2);
    });

    it("are refused otherwise, and leave nothing", async () => {
      const { id } = await madeOf(installation, one.key);
      const exported = await buffer((await readBackupContent(ctx, id, "archive")).stream);
      const refused = (content: Buffer) =>
        importBackup(stranger.ctx, Readable.from([content]), CALLER).catch((error: unknown) => error);
      expect(await refused(exported)).toMatchObject({ code: "BACKUP_KEY_MISSING" });
      expect(await refused(exported.subarray(0, 2_000))).toMatchObject({
        code: expect.stringMatching(/^BACKUP_/),
      });
      expect(await refused(Buffer.alloc(0))).toMatchObject({ code: "BACKUP_CORRUPT" });
      const open = await openTestInstallation({
        databaseUrl: (await createTestDatabase()).url,
        redisUrl,
        blueprints: [tiny],
      });
      await open.work();
      const [tenant] = await readyTenants(open, 1, ORDER);
      const unsigned = await madeOf(open, tenant?.key ?? "");
      const { stream } = await readBackupContent(open.ctx, unsigned.id, "archive");
      expect(await refused(await buffer(stream))).toMatchObject({ code: "BACKUP_NOT_TRUSTED" });
      await expect(importBackup(open.ctx, Readable.from([exported]), CALLER)).rejects.toMatchObject({
        code: "BACKUP_KEY_MISSING",
      });
      expect(await namesIn(stranger.ctx)).toEqual([]);
    });
  });
});
