import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { announceChildren, announceNew } from "@tenantry/jobs";
import { erp } from "@tenantry/schema/blueprints/erp";
import {
  addPlacement,
  eraseLicense,
  examineInstallation,
  examineLicense,
  getBackup,
  listBackups,
  listOperations,
  orderBackup,
  orderBackups,
  orderMove,
  type RestoreAllReport,
  restoreAll,
  signIn,
  withTenant,
} from "@tenantry/tenancy";
import { sql } from "kysely";
import { afterAll, describe, expect, it, vi } from "vitest";
import { createTestDatabase, type TestDatabase, withAdmin } from "./support/database.ts";
import { fillTenant } from "./support/fill-tenant.ts";
import { startPrivateServer } from "./support/private-server.ts";
import { ADMIN_PASSWORD, ended } from "./support/requests.ts";
import { checksums } from "./support/restore.ts";
import { startS3Server } from "./support/s3-server.ts";
import { openTestInstallation, type TestInstallation } from "./support/tenantry.ts";
import { type ReadyTenant, readyTenants } from "./support/tenants.ts";
import { tiny } from "./support/tiny-blueprint.ts";

const CALLER = { actor: "cli:test", apiKeyId: null, idempotency: null };
const TINY = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };
const PAGE = { limit: 200 };
const KEY = Buffer.alloc(32, 9);

/** Another machine: it has nothing of the first one but the store. */
const server = await startPrivateServer();
let databases = 0;

describe("an installation whose server is gone", async () => {
  const database = await createTestDatabase();
  const source = await openTestInstallation({
    databaseUrl: database.url,
    blueprints: [erp, tiny],
    backups: { key: KEY },
  });
  const from = pathToFileURL(source.backupDirectory).href;

  async function backedUp(licenseKey: string) {
    const { answer, entry } = await orderBackup(source.ctx, { licenseKey }, CALLER);
    if (entry !== null) await announceNew(source.ctx, source.queues, entry);
    expect(await ended(source, answer.operation.id)).toMatchObject({ state: "succeeded" });
    return getBackup(source.ctx, answer.backup.id);
  }

  async function allBackedUp(): Promise<void> {
    const { operation } = (await orderBackups(source.ctx, { licenseKeys: null }, CALLER)).answer;
    await announceChildren(source.ctx, source.queues, operation.id);
    expect(await ended(source, operation.id)).toMatchObject({ result: { failed: 0, canceled: 0 } });
  }

  async function archiveOf(backupId: string): Promise<string> {
    const { name } = await source.ctx.control
      .selectFrom("backups")
      .select("name")
      .where("id", "=", backupId)
      .executeTakeFirstOrThrow();
    return join(source.backupDirectory, name ?? "");
  }

  async function emptyInstallation(backupDirectory?: string) {
    databases += 1;
    const target = await server.createDatabase(`rebuilt_${databases}`);
    return { target, installation: await opened(target, backupDirectory) };
  }

  function opened(target: TestDatabase, backupDirectory?: string): Promise<TestInstallation> {
    return openTestInstallation({
      databaseUrl: target.url,
      blueprints: [erp, tiny],
      backups: { key: KEY },
      ...(backupDirectory === undefined ? {} : { backupDirectory }),
    });
  }

  function rebuild(installation: TestInstallation, signal = new AbortController().signal) {
    return restoreAll(installation.ctx, { from, signal, onProgress: () => undefined });
  }

  const tenantOf = (report: RestoreAllReport, { key }: ReadyTenant) =>
    report.tenants.find(({ licenseKey }) => licenseKey === key);

  await source.work({ concurrency: 2 });
  const [shop, office] = (await readyTenants(source, 2)) as [ReadyTenant, ReadyTenant];
  const [plain, damaged, missing] = (await readyTenants(source, 3, TINY)) as [
    ReadyTenant,
    ReadyTenant,
    ReadyTenant,
  ];
  await fillTenant(database.adminUrl, shop.row.schema_name);
  await allBackedUp();
  // What comes after the control data: a newer backup, a damaged one, and a customer that they don't know.
  await withAdmin(database.adminUrl, (client) =>
    client.query(`INSERT INTO ${plain.row.schema_name}.items VALUES (1), (2)`),
  );
  await backedUp(plain.key);
  const spoilt = await archiveOf((await backedUp(damaged.key)).id);
  const bytes = readFileSync(spoilt);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  writeFileSync(spoilt, bytes);
  const [only] = (await listBackups(source.ctx, { licenseKey: missing.key }, PAGE)).items;
  await rm(await archiveOf(only?.id ?? ""));
  const [late] = (await readyTenants(source, 1, TINY)) as [ReadyTenant];
  await backedUp(late.key);
  const sums = await rowsOf(database);

  /** But for the marker, which names the operation that made the schema. */
  async function rowsOf({ adminUrl }: TestDatabase): Promise<object> {
    const { tenantry_tenant: _, ...rows } = await checksums(adminUrl, shop.row.schema_name);
    return rows;
  }

  it("is rebuilt out of its backups: every customer signs in as before, and what is lost is named", async () => {
    const { target, installation } = await emptyInstallation(source.backupDirectory);
    const report = await rebuild(installation);
    expect(report.tenants).toHaveLength(6);
    expect(tenantOf(report, shop)).toMatchObject({ trouble: null });
    expect(tenantOf(report, plain)).toMatchObject({ trouble: null, rows: 2 + 3 });
    expect(Date.parse(tenantOf(report, plain)?.takenAt ?? "")).toBeGreaterThan(
      Date.parse(report.controlTakenAt),
    );
    expect(tenantOf(report, damaged)).toMatchObject({ trouble: null });
    expect(tenantOf(report, missing)?.trouble).toContain("no backup");
    expect(tenantOf(report, late)?.trouble).toContain("--copy");
    expect(await rowsOf(target)).toEqual(sums);

    const again = await opened(target, source.backupDirectory);
    expect(again.ctx.installationId).toBe(source.ctx.installationId);
    for (const { key } of [shop, office]) {
      const signedIn = await signIn(again.ctx, {
        licenseKey: key,
        username: "admin",
        password: ADMIN_PASSWORD,
        ttlMs: 60_000,
      });
      expect(signedIn).toMatchObject({ user: { username: "admin" } });
      const findings = await examineLicense(again.ctx, {
        licenseKey: key,
        username: "admin",
        caller: CALLER,
        announce: async () => undefined,
      });
      expect(findings.filter(({ severity }) => severity !== "ok")).toEqual([]);
    }
    // Every backup that is listed is there, and new ones can be made.
    const listed = await again.ctx.control.selectFrom("backups").select(["name", "state"]).execute();
    expect(listed.filter(({ state }) => state === "making")).toEqual([]);
    const files = new Set<string>();
    for await (const { name } of again.ctx.backups.store.list("")) files.add(name);
    for (const { name, state } of listed) if (state === "ready") expect(files).toContain(name);
    await again.work({ concurrency: 2 });
    const { operation } = (await orderBackups(again.ctx, { licenseKeys: [plain.key] }, CALLER)).answer;
    await announceChildren(again.ctx, again.queues, operation.id);
    expect(await ended(again, operation.id)).toMatchObject({ result: { succeeded: 1 } });
    const findings = await examineInstallation(again.ctx, {
      caller: CALLER,
      announce: async () => undefined,
    });
    expect(findings.filter(({ severity }) => severity !== "ok")).toEqual([]);
    expect((await listOperations(again.ctx, { state: "running" }, PAGE)).items).toEqual([]);

    // It is in use now.
    await expect(rebuild(again)).rejects.toMatchObject({ code: "STATE_CONFLICT" });
  });

  it("isn't rebuilt over another one", async () => {
    await expect(rebuild(source)).rejects.toMatchObject({ code: "STATE_CONFLICT" });
  });

  it("isn't rebuilt under another key, nor from where there is nothing", async () => {
    const { target } = await emptyInstallation();
    const other = await openTestInstallation({
      databaseUrl: target.url,
      blueprints: [tiny],
      backups: { key: Buffer.alloc(32, 1) },
    });
    await expect(rebuild(other)).rejects.toMatchObject({ code: "BACKUP_KEY_MISSING" });
    const without = await openTestInstallation({ databaseUrl: target.url, blueprints: [tiny] });
    await expect(rebuild(without)).rejects.toMatchObject({ code: "BACKUP_KEY_MISSING" });
    await expect(
      restoreAll(other.ctx, {
        from: `${from}/nowhere`,
        signal: new AbortController().signal,
        onProgress: () => undefined,
      }),
    ).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(await other.ctx.control.selectFrom("licenses").select("id").execute()).toEqual([]);
  });

  it("is rebuilt where it was broken off, by a kill or by whoever began it", async () => {
    const { target, installation } = await emptyInstallation();
    for (const word of ["control data: licenses", "0 of .* done", "[1-9] of .* done"]) {
      const child = fork(new URL("./support/rebuild-main.ts", import.meta.url), {
        env: {
          PATH: process.env.PATH,
          TEST_DATABASE_URL: target.url,
          TEST_FROM: from,
          TEST_KEY: KEY.toString("base64"),
          TEST_BACKUPS: installation.backupDirectory,
          TEST_DIE_AT: word,
        },
      });
      expect(await once(child, "exit")).toEqual([null, "SIGKILL"]);
    }
    const abort = new AbortController();
    const broken = restoreAll(installation.ctx, {
      from,
      signal: abort.signal,
      onProgress: (message) => {
        if (message.startsWith("Bringing")) abort.abort();
      },
    });
    await expect(broken).rejects.toMatchObject({ name: "AbortError" });
    const report = await rebuild(installation);
    expect(report.tenants.filter(({ trouble }) => trouble === null)).toHaveLength(4);
    expect(await rowsOf(target)).toEqual(sums);
    // Its own store has none of them.
    expect((await listBackups(installation.ctx, {}, PAGE)).items).toEqual([]);
  });

  it("isn't rebuilt by a Tenantry that is older than the control data", async () => {
    await source.ctx.control
      .withoutPlugins()
      .insertInto("tenantry.kysely_migration" as never)
      .values({ name: "9999_newer", timestamp: new Date().toISOString() } as never)
      .execute();
    await allBackedUp();
    const { installation } = await emptyInstallation();
    await expect(rebuild(installation)).rejects.toMatchObject({ code: "BACKUP_TOO_NEW" });
    expect(await installation.ctx.control.selectFrom("operations").select("id").execute()).toEqual([]);
    await withAdmin(database.adminUrl, (client) =>
      client.query("DELETE FROM tenantry.kysely_migration WHERE name = '9999_newer'"),
    );
    await allBackedUp();
  });
});

describe("an installation whose backups are in a bucket", async () => {
  const s3 = await startS3Server();
  for (const [name, value] of Object.entries(s3.env)) vi.stubEnv(name, value);
  afterAll(async () => {
    vi.unstubAllEnvs();
    await s3.stop();
  });
  const database = await createTestDatabase();
  const options = {
    blueprints: [tiny],
    backups: { key: KEY, url: `s3://${s3.bucket}/first`, s3Endpoint: s3.endpoint },
  };
  const source = await openTestInstallation({ databaseUrl: database.url, ...options });

  it("is rebuilt out of it, without whom it had erased", async () => {
    const worker = await source.work({ concurrency: 2 });
    const [stays, goes] = (await readyTenants(source, 2, TINY)) as [ReadyTenant, ReadyTenant];
    await withAdmin(database.adminUrl, (client) =>
      client.query(`INSERT INTO ${stays.row.schema_name}.items VALUES (7)`),
    );
    const { operation } = (await orderBackups(source.ctx, { licenseKeys: null }, CALLER)).answer;
    await announceChildren(source.ctx, source.queues, operation.id);
    expect(await ended(source, operation.id)).toMatchObject({ result: { succeeded: 3 } });
    await source.ctx.control
      .updateTable("tenants")
      .set({ state: "deleted" })
      .where("id", "=", goes.row.id)
      .execute();
    await eraseLicense(source.ctx, { licenseKey: goes.key }, CALLER);
    await worker.close();
    const files: string[] = [];
    for await (const { name } of source.ctx.backups.store.list("")) files.push(name);
    expect(files.filter((name) => name.includes(goes.key))).toEqual([]);
    expect(files.filter((name) => name.startsWith("control/"))).toHaveLength(2);

    const target = await server.createDatabase("rebuilt_bucket");
    const installation = await openTestInstallation({ databaseUrl: target.url, ...options });
    const report = await restoreAll(installation.ctx, {
      from: options.backups.url,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    });
    expect(report.tenants).toMatchObject([{ licenseKey: stays.key, trouble: null }]);
    const { rows } = await withAdmin(target.adminUrl, (client) =>
      client.query(`SELECT id FROM ${stays.row.schema_name}.items`),
    );
    expect(rows).toEqual([{ id: 7 }]);
  });
});

describe("an installation on several servers, one of which has survived", async () => {
  const database = await createTestDatabase();
  const source = await openTestInstallation({ databaseUrl: database.url, blueprints: [tiny] });
  const [surviving, failing] = await Promise.all([startPrivateServer(), startPrivateServer()]);

  it("is rebuilt around it, and brings back on its own server who lived on the others", async () => {
    const survivor = await surviving.createDatabase("survivor");
    const gone = await failing.createDatabase("gone");
    await addPlacement(source.ctx, { name: "survivor", url: survivor.url }, CALLER.actor);
    await addPlacement(source.ctx, { name: "gone", url: gone.url }, CALLER.actor);
    const worker = await source.work({ concurrency: 1 });
    const tenants: ReadyTenant[] = [];
    // Each goes where there are fewest.
    for (let n = 0; n < 3; n += 1) tenants.push(...(await readyTenants(source, 1, TINY)));
    const on = (placement: string) => tenants.find(({ row }) => row.placement === placement)?.row;
    const allBackedUp = async (): Promise<void> => {
      const { operation } = (await orderBackups(source.ctx, { licenseKeys: null }, CALLER)).answer;
      await announceChildren(source.ctx, source.queues, operation.id);
      expect(await ended(source, operation.id)).toMatchObject({ result: { failed: 0 } });
    };
    // Moved after the control data were backed up, which know nothing of it.
    const [mover] = await readyTenants(source, 1, TINY);
    await allBackedUp();
    const { answer, entry } = await orderMove(
      source.ctx,
      { licenseKey: mover?.key ?? "", to: "survivor" },
      CALLER,
    );
    if (entry !== null) await announceNew(source.ctx, source.queues, entry);
    expect(await ended(source, answer.operation.id)).toMatchObject({ state: "succeeded" });
    await worker.close();
    // Customers go on there; it is in no backup.
    await withAdmin(survivor.adminUrl, (client) =>
      client.query(
        `INSERT INTO ${on("survivor")?.schema_name}.items VALUES (42); INSERT INTO ${mover?.row.schema_name}.items VALUES (43)`,
      ),
    );
    await withAdmin(failing.superuserUrl, (client) => client.query("DROP DATABASE gone WITH (FORCE)"));

    const target = await server.createDatabase("rebuilt_around");
    const installation = await openTestInstallation({ databaseUrl: target.url, blueprints: [tiny] });
    const report = await restoreAll(installation.ctx, {
      from: pathToFileURL(source.backupDirectory).href,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    });
    expect(report.tenants.map(({ trouble }) => trouble)).toEqual([null, null, null, null]);
    const found = await installation.ctx.control
      .selectFrom("tenants")
      .select(["id", "placement", "state"])
      .execute();
    const now = (placement: string) => found.find(({ id }) => id === on(placement)?.id);
    expect(now("default")).toMatchObject({ placement: "default", state: "ready" });
    expect(now("gone")).toMatchObject({ placement: "default", state: "ready" });
    expect(now("survivor")).toMatchObject({ placement: "survivor", state: "ready" });
    // Through the door that everybody uses, which the server's stored address opens under the old secret.
    const again = await openTestInstallation({ databaseUrl: target.url, blueprints: [tiny] });
    const row = on("survivor");
    if (row === undefined) throw new Error("nobody lives on the survivor");
    const { rows } = await withTenant(again.ctx, row, (db) => sql`SELECT id FROM items`.execute(db));
    expect(rows).toEqual([{ id: 42 }]);
    const moved = found.find(({ id }) => id === mover?.row.id);
    expect(moved).toMatchObject({ placement: "survivor", state: "ready" });
    await withAdmin(survivor.adminUrl, async (client) => {
      const kept = await client.query(`SELECT id FROM ${mover?.row.schema_name}.items`);
      expect(kept.rows).toEqual([{ id: 43 }]);
    });
  });
});
