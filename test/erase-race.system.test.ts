import {
  cancelOperation,
  checkBackup,
  deleteLicense,
  eraseLicense,
  orderBackup,
  orderRestore,
  performOperation,
} from "@tenantry/tenancy";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { createTestDatabase } from "./support/database.ts";
import { hold, untilBlocked } from "./support/locks.ts";
import { openTestInstallation } from "./support/tenantry.ts";
import { readyTenants } from "./support/tenants.ts";
import { tiny } from "./support/tiny-blueprint.ts";

const CALLER = { actor: "cli:test", apiKeyId: null, idempotency: null };
const TINY = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };

describe("a license that is erased while something else happens", async () => {
  const database = await createTestDatabase();
  const { ctx, work, ...rest } = await openTestInstallation({
    databaseUrl: database.url,
    blueprints: [tiny],
    backups: { key: Buffer.alloc(32, 5) },
  });
  const installation = { ctx, work, ...rest };

  function attempt(operationId: string) {
    const sink = { progress: async () => undefined, log: async () => undefined };
    return performOperation(ctx, { operationId, worker: "test", leaseMs: 60_000, maxAttempts: 1, sink });
  }

  async function sold(): Promise<string> {
    const worker = await work();
    const [tenant] = await readyTenants(installation, 1, TINY);
    await worker.close();
    if (tenant === undefined) throw new Error("no tenant");
    return tenant.key;
  }

  async function backedUp(licenseKey: string): Promise<string> {
    const { operation, backup } = (await orderBackup(ctx, { licenseKey }, CALLER)).answer;
    expect(await attempt(operation.id)).toMatchObject({ kind: "succeeded" });
    return backup.id;
  }

  async function deleted(licenseKey: string): Promise<void> {
    const { operation } = await deleteLicense(ctx, { licenseKey }, CALLER);
    expect(await attempt(operation.id)).toMatchObject({ kind: "succeeded" });
  }

  const erase = (licenseKey: string) => eraseLicense(ctx, { licenseKey }, CALLER);

  const stored = async (): Promise<string[]> => {
    const names: string[] = [];
    for await (const { name } of ctx.backups.store.list("")) names.push(name);
    return names;
  };

  /** Nothing of it in the store but the mark, one backup of the control data that is whole, and one word of it all. */
  async function expectErased(licenseKey: string): Promise<void> {
    const names = await stored();
    expect(names.filter((name) => name.includes(licenseKey))).toEqual([]);
    const { rows } = await sql<{ erased: boolean; words: number; backups: number }>`
      select erased_at is not null as erased,
        (select count(*)::int from tenantry.license_events where license_id = licenses.id and type = 'erased') as words,
        (select count(*)::int from tenantry.backups where license_id = licenses.id and state = 'ready') as backups
      from tenantry.licenses where key = ${licenseKey}`.execute(ctx.control);
    expect(rows).toEqual([{ erased: true, words: 1, backups: 0 }]);
    const control = await ctx.control
      .selectFrom("backups")
      .selectAll()
      .where("kind", "=", "control")
      .where("state", "=", "ready")
      .execute();
    const [{ last } = { last: new Date(0) }] = (
      await sql<{ last: Date }>`select max(erased_at) as last from tenantry.licenses`.execute(ctx.control)
    ).rows;
    expect(control.length).toBeGreaterThan(0);
    for (const { id, taken_at } of control) {
      expect(taken_at?.getTime()).toBeGreaterThan(last.getTime());
      await checkBackup(ctx, id);
    }
    const files = control.flatMap(({ name }) => [name, `${name}.key`]);
    expect(names.filter((name) => name.startsWith("control/")).sort()).toEqual(files.sort());
  }

  it("by somebody else at the same moment is erased once, and both are told so", async () => {
    const key = await sold();
    await backedUp(key);
    await backedUp(key);
    await deleted(key);
    const release = await hold(
      database.adminUrl,
      "LOCK TABLE tenantry.scheduled_runs IN ACCESS EXCLUSIVE MODE",
    );
    // Both have destroyed what they have found, and are about to blank the control data.
    const both = [erase(key), erase(key)];
    const settled = Promise.allSettled(both);
    await untilBlocked(database.adminUrl, "tenantry-test-control");
    await release();
    expect((await settled).map((end) => (end.status === "rejected" ? end.reason : "erased"))).toEqual([
      "erased",
      "erased",
    ]);
    await expectErased(key);
  });

  it("isn't while it is backed up, and is when that has ended", async () => {
    const key = await sold();
    const { operation } = (await orderBackup(ctx, { licenseKey: key }, CALLER)).answer;
    await deleted(key);
    await expect(erase(key)).rejects.toMatchObject({
      code: "STATE_CONFLICT",
      hint: expect.stringContaining(`tenantry operation cancel ${operation.id}`),
    });
    await cancelOperation(ctx, operation.id, CALLER);
    await erase(key);
    await expectErased(key);
    await expect(orderBackup(ctx, { licenseKey: key }, CALLER)).rejects.toMatchObject({
      code: "STATE_CONFLICT",
    });
  });

  it("doesn't come back by a restore that was asked for at the same moment", async () => {
    const key = await sold();
    const id = await backedUp(key);
    await deleted(key);
    const replace = { id, mode: "replace" } as const;
    const tenant = `SELECT FROM tenantry.tenants JOIN tenantry.licenses ON licenses.id = license_id WHERE key = '${key}' FOR UPDATE OF tenants`;

    // The restore comes first: then nothing of the license was touched.
    const release = await hold(database.adminUrl, tenant);
    const restoring = orderRestore(ctx, replace, CALLER);
    await untilBlocked(database.adminUrl, "tenantry-test-control");
    const erasing = erase(key).catch((error: unknown) => error);
    // Who isn't in the queue yet may get in between.
    await untilBlocked(database.adminUrl, "tenantry-test-control", 2);
    await release();
    const { operation } = (await restoring).answer;
    expect(await erasing).toMatchObject({
      code: "STATE_CONFLICT",
      hint: expect.stringContaining(operation.id),
    });
    expect(await attempt(operation.id)).toMatchObject({ kind: "succeeded" });
    await expect(erase(key)).rejects.toMatchObject({ code: "STATE_CONFLICT" });
    await deleted(key);

    // The erasure comes first: then there is nothing to restore.
    const scrubbing = await hold(
      database.adminUrl,
      "LOCK TABLE tenantry.scheduled_runs IN ACCESS EXCLUSIVE MODE",
    );
    const erasure = erase(key);
    await untilBlocked(database.adminUrl, "tenantry-test-control");
    const late = orderRestore(ctx, replace, CALLER).catch((error: unknown) => error);
    await scrubbing();
    await erasure;
    expect(await late).toMatchObject({ code: expect.stringMatching(/STATE_CONFLICT|BACKUP_NOT_FOUND/) });
    await expectErased(key);
    for (const mode of ["replace", "copy"] as const) {
      await expect(orderRestore(ctx, { id, mode }, CALLER)).rejects.toMatchObject({
        code: expect.stringMatching(/STATE_CONFLICT|BACKUP_NOT_FOUND/),
      });
    }
  });

  it("isn't brought back by a restore that comes in the middle", async () => {
    const key = await sold();
    const id = await backedUp(key);
    await deleted(key);
    const release = await hold(
      database.adminUrl,
      `SELECT FROM tenantry.backups WHERE id = '${id}' FOR NO KEY UPDATE`,
    );
    const erasing = erase(key);
    await untilBlocked(database.adminUrl, "tenantry-test-control");
    const late = (["replace", "copy"] as const).map((mode) =>
      orderRestore(ctx, { id, mode }, CALLER).catch((error: unknown) => error),
    );
    await release();
    await erasing;
    for (const refused of await Promise.all(late)) {
      expect(refused).toMatchObject({ code: expect.stringMatching(/STATE_CONFLICT|BACKUP_NOT_FOUND/) });
    }
    await expectErased(key);
  });

  it("isn't marked in the store before nothing can bring it back", async () => {
    const key = await sold();
    const id = await backedUp(key);
    await deleted(key);
    const away = new Error("the store is away");
    const broken = {
      ...ctx,
      backups: { ...ctx.backups, store: { ...ctx.backups.store, put: () => Promise.reject(away) } },
    };
    await expect(eraseLicense(broken, { licenseKey: key }, CALLER)).rejects.toThrow();
    await expect(orderRestore(ctx, { id, mode: "replace" }, CALLER)).rejects.toMatchObject({
      code: "STATE_CONFLICT",
    });
    await erase(key);
    await expectErased(key);
  });
});
