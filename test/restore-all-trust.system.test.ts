import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { keyName, type StoreName } from "@tenantry/archive";
import {
  orderBackup,
  orderBackups,
  performOperation,
  type RestoreAllReport,
  restoreAll,
} from "@tenantry/tenancy";
import { describe, expect, it, onTestFinished } from "vitest";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { startPrivateServer } from "./support/private-server.ts";
import { openTestInstallation, type TestInstallation } from "./support/tenantry.ts";
import { type ReadyTenant, readyTenants } from "./support/tenants.ts";
import { tiny } from "./support/tiny-blueprint.ts";

const CALLER = { actor: "cli:test", apiKeyId: null, idempotency: null };
const TINY = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };
const KEY = Buffer.alloc(32, 9);

/** Another machine: it has nothing of the first one but the store, and the key. */
const server = await startPrivateServer();
let copies = 0;

describe("an installation that is rebuilt from a store that others can write to", async () => {
  const database = await createTestDatabase();
  const source = await openTestInstallation({
    databaseUrl: database.url,
    blueprints: [tiny],
    backups: { key: KEY },
  });
  const { backupDirectory } = source;
  /** What it is without its key: its archives are whole, and signed by nobody. */
  const keyless = await openTestInstallation({
    databaseUrl: database.url,
    blueprints: [tiny],
    backupDirectory,
  });

  async function performed(operationId: string, { ctx }: TestInstallation): Promise<void> {
    const sink = { progress: async () => undefined, log: async () => undefined };
    const attempt = { worker: "test", leaseMs: 60_000, maxAttempts: 1, sink };
    expect(await performOperation(ctx, { operationId, ...attempt })).toMatchObject({ kind: "succeeded" });
  }

  const nameOf = async (operationId: string): Promise<StoreName> => {
    const { name } = await source.ctx.control
      .selectFrom("backups")
      .select("name")
      .where("operation_id", "=", operationId)
      .executeTakeFirstOrThrow();
    return name as StoreName;
  };

  async function backedUp(licenseKey: string, by: TestInstallation): Promise<StoreName> {
    const { operation } = (await orderBackup(by.ctx, { licenseKey }, CALLER)).answer;
    await performed(operation.id, by);
    return nameOf(operation.id);
  }

  async function controlBackedUp(by: TestInstallation): Promise<StoreName> {
    const { operation: run } = (await orderBackups(by.ctx, { licenseKeys: null }, CALLER)).answer;
    const { id } = await by.ctx.control
      .selectFrom("operations")
      .innerJoin("backups", "backups.operation_id", "operations.id")
      .select("operations.id")
      .where("operations.parent_id", "=", run.id)
      .where("backups.kind", "=", "control")
      .executeTakeFirstOrThrow();
    await performed(id, by);
    return nameOf(id);
  }

  const write = (tenant: ReadyTenant, value: number): Promise<unknown> =>
    withAdmin(database.adminUrl, (client) =>
      client.query(`INSERT INTO ${tenant.row.schema_name}.items VALUES (${value})`),
    );

  const worker = await source.work();
  const [one, other] = (await readyTenants(source, 2, TINY)) as [ReadyTenant, ReadyTenant];
  await worker.close();
  await write(one, 1);
  const before = { one: await backedUp(one.key, source), other: await backedUp(other.key, source) };
  const control = await controlBackedUp(source);
  await write(one, 2);
  // What came into the store after those control data.
  const later = {
    unsigned: await backedUp(one.key, keyless),
    unsignedControl: await controlBackedUp(keyless),
    control: await controlBackedUp(source),
  };

  /** A store with what there was at first, and some of what came later. */
  async function storeWith(...names: StoreName[]): Promise<string> {
    copies += 1;
    const copy = `${backupDirectory}-${copies}`;
    await cp(backupDirectory, copy, { recursive: true });
    onTestFinished(() => rm(copy, { recursive: true, force: true }));
    for (const name of Object.values(later)) {
      if (names.includes(name)) continue;
      for (const file of [name, keyName(name)]) await rm(join(copy, file), { force: true });
    }
    return copy;
  }

  async function spoil(store: string, name: StoreName): Promise<void> {
    const file = join(store, name);
    const bytes = await readFile(file);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    await writeFile(file, bytes);
  }

  async function emptyInstallation() {
    copies += 1;
    const target = await server.createDatabase(`rebuilt_${copies}`);
    const installation = await openTestInstallation({
      databaseUrl: target.url,
      blueprints: [tiny],
      backups: { key: KEY },
    });
    const items = ({ row }: ReadyTenant): Promise<unknown[]> =>
      withAdmin(target.adminUrl, async (client) =>
        (await client.query(`SELECT id FROM ${row.schema_name}.items ORDER BY id`)).rows.map(({ id }) => id),
      );
    return { installation, items };
  }

  function rebuild({ ctx }: TestInstallation, store: string): Promise<RestoreAllReport> {
    const signal = new AbortController().signal;
    return restoreAll(ctx, { from: pathToFileURL(store).href, signal, onProgress: () => undefined });
  }

  const troubleOf = (report: RestoreAllReport, { key }: ReadyTenant) =>
    report.tenants.find(({ licenseKey }) => licenseKey === key)?.trouble;

  it("leaves an archive out that came into it unsigned, and says so", async () => {
    const { installation, items } = await emptyInstallation();
    const report = await rebuild(installation, await storeWith(later.unsigned));
    expect([troubleOf(report, one), troubleOf(report, other)]).toEqual([null, null]);
    expect(await items(one)).toEqual([1]);
    const recorded = await installation.ctx.control
      .selectFrom("backups")
      .select("id")
      .where("name", "=", later.unsigned)
      .executeTakeFirst();
    expect(recorded).toBeUndefined();
    const told = installation.logs.withMessage("an archive of the store can't be used");
    expect(told).toMatchObject([{ name: later.unsigned, err: { message: "it isn't signed" } }]);
  });

  it("isn't rebuilt from control data that are unsigned, and is when they are taken away", async () => {
    const { installation, items } = await emptyInstallation();
    const store = await storeWith(later.unsignedControl);
    await expect(rebuild(installation, store)).rejects.toMatchObject({
      code: "BACKUP_NOT_TRUSTED",
      message: expect.stringContaining(`${later.unsignedControl}: it isn't signed`),
    });
    expect(await installation.ctx.control.selectFrom("licenses").select("id").execute()).toEqual([]);
    await rm(join(store, later.unsignedControl));
    await rebuild(installation, store);
    expect(await items(one)).toEqual([1]);
  });

  it("is rebuilt from older control data when the newest were tampered with, and not at all from such alone", async () => {
    const { installation } = await emptyInstallation();
    const store = await storeWith(later.control);
    for (const name of [later.control, control]) await spoil(store, name);
    await expect(rebuild(installation, store)).rejects.toMatchObject({
      code: "BACKUP_NOT_FOUND",
      message: expect.stringContaining("whole"),
    });
    await spoil(store, control);
    const report = await rebuild(installation, store);
    const { takenAt } = await source.ctx.control
      .selectFrom("backups")
      .select("taken_at as takenAt")
      .where("name", "=", control)
      .executeTakeFirstOrThrow();
    expect(report.controlTakenAt).toBe(takenAt?.toISOString());
    expect([troubleOf(report, one), troubleOf(report, other)]).toEqual([null, null]);
  });

  it("says that a tenant is lost whose archive was put another's in place of", async () => {
    const { installation, items } = await emptyInstallation();
    const store = await storeWith(later.unsigned);
    await cp(join(store, later.unsigned), join(store, before.one));
    const report = await rebuild(installation, store);
    expect(troubleOf(report, one)).toContain("can't be used");
    expect(troubleOf(report, other)).toBeNull();
    await expect(items(one)).rejects.toMatchObject({ code: "42P01" });
  });
});
