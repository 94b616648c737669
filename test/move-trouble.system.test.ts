import {
  cancelOperation,
  confirmMove,
  deleteLicense,
  orderBackup,
  orderBackups,
  orderMove,
  orderRestore,
  retryOperation,
} from "@tenantry/tenancy";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { endSession, hold, untilBlocked } from "./support/locks.ts";
import type { ReadyTenant } from "./support/tenants.ts";
import { leftBy, MOVER, openTwoServersApart } from "./support/two-servers.ts";

const OURS = { control: "tenantry-test-control", provisioning: "tenantry-test-provisioning" };

describe("a move between servers of which one goes away", async () => {
  const servers = await openTwoServersApart();
  const { network } = servers;
  beforeEach(() => network.restore());
  afterAll(() => network.close());
  const { installation, first, second, write, itemsOf } = servers;
  const { ctx } = installation;

  /** With one row in it. */
  async function tenantOn(placement: "default" | "second"): Promise<ReadyTenant> {
    const worker = await installation.work();
    const [tenant] = await servers.atHome();
    await worker.close();
    if (tenant === undefined) throw new Error("no tenant");
    await write(tenant.key);
    if (placement === "second") {
      expect(await servers.carryOn(await servers.moving(tenant.key))).toMatchObject({ kind: "succeeded" });
      await confirmMove(ctx, { licenseKey: tenant.key }, MOVER.actor);
    }
    return tenant;
  }

  /** What holds a move up when it is about to say that the old schema is closed. */
  const holdSwitch = () => hold(first.adminUrl, "LOCK TABLE tenantry.kept_schemas IN ACCESS EXCLUSIVE MODE");

  /** A move off the second server that has failed with the tenant's schema closed there: nobody can ask any more whether. */
  async function halfMoved({ key }: ReadyTenant): Promise<string> {
    const operationId = await servers.moving(key, "default");
    const release = await holdSwitch();
    const attempt = servers.attempt(operationId, 1);
    const backend = await untilBlocked(first.adminUrl, OURS.control);
    await network.cut();
    await endSession(first.adminUrl, backend);
    await release();
    expect(await attempt).toMatchObject({
      kind: "failed",
      error: { code: "UNAVAILABLE", detail: expect.stringContaining("second") },
    });
    return operationId;
  }

  it("is done when the old one goes away after all is on the new one, and confirmed when it is back", async () => {
    const { key, row } = await tenantOn("second");
    const operationId = await servers.moving(key, "default");
    const release = await holdSwitch();
    const attempt = servers.attempt(operationId);
    await untilBlocked(first.adminUrl, OURS.control);
    await network.cut();
    await release();
    expect(await attempt).toMatchObject({ kind: "succeeded" });
    await write(key);
    expect(await itemsOf(key)).toBe(2);

    await expect(confirmMove(ctx, { licenseKey: key }, MOVER.actor)).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringContaining("second"),
      hint: expect.stringContaining(`tenantry tenant confirm-move ${key}`),
    });
    await network.restore();
    expect(await servers.schemasOn(second.adminUrl, row.schema_name)).toEqual([leftBy(operationId)]);
    await confirmMove(ctx, { licenseKey: key }, MOVER.actor);
    expect(await servers.schemasOn(second.adminUrl, row.schema_name)).toEqual([]);
    expect(await itemsOf(key)).toBe(2);
  });

  it("that failed at its very end is finished before anything else is done with the tenant", async () => {
    const tenant = await tenantOn("second");
    const { key, row } = tenant;
    const { answer: backup } = await orderBackup(ctx, { licenseKey: key }, MOVER);
    expect(await servers.carryOn(backup.operation.id)).toMatchObject({ kind: "succeeded" });
    const unmoved = await servers.moving(key, "default");
    await cancelOperation(ctx, unmoved, MOVER);
    const { operation: undeleted } = await deleteLicense(ctx, { licenseKey: key }, MOVER);
    await cancelOperation(ctx, undeleted.id, MOVER);

    const operationId = await halfMoved(tenant);
    const replace = { id: backup.backup.id, mode: "replace" } as const;
    for (const refused of [
      () => deleteLicense(ctx, { licenseKey: key }, MOVER),
      () => orderRestore(ctx, replace, MOVER),
      () => orderMove(ctx, { licenseKey: key, to: "default" }, MOVER),
      () => orderBackup(ctx, { licenseKey: key }, MOVER),
      () => retryOperation(ctx, unmoved, MOVER),
      () => retryOperation(ctx, undeleted.id, MOVER),
    ]) {
      await expect(refused(), String(refused)).rejects.toMatchObject({
        code: "STATE_CONFLICT",
        message: expect.stringContaining("between two servers"),
        hint: expect.stringContaining(`tenantry operation retry ${operationId}`),
      });
    }
    const { operation: run } = (await orderBackups(ctx, { licenseKeys: [key] }, MOVER)).answer;
    const children = await ctx.control
      .selectFrom("operations")
      .select("id")
      .where("parent_id", "=", run.id)
      .execute();
    await network.restore();
    for (const { id } of children) {
      expect(await servers.carryOn(id)).toMatchObject({
        kind: "failed",
        error: { code: "STATE_CONFLICT", hint: expect.stringContaining(operationId) },
      });
    }
    // What is copied from a backup is another tenant.
    const copy = await orderRestore(ctx, { ...replace, mode: "copy" }, MOVER);
    expect(await servers.carryOn(copy.answer.operation.id)).toMatchObject({ kind: "succeeded" });

    await retryOperation(ctx, operationId, MOVER);
    expect(await servers.carryOn(operationId)).toMatchObject({ kind: "succeeded" });
    expect(await servers.tenantNow(key)).toMatchObject({ placement: "default" });
    await write(key);
    expect(await itemsOf(key)).toBe(2);
    const after = await orderBackup(ctx, { licenseKey: key }, MOVER);
    expect(await servers.carryOn(after.answer.operation.id)).toMatchObject({ kind: "succeeded" });
    const { operation } = await deleteLicense(ctx, { licenseKey: key }, MOVER);
    expect(await servers.carryOn(operation.id)).toMatchObject({ kind: "succeeded" });
    for (const { adminUrl } of [first, second]) {
      expect(await servers.schemasOn(adminUrl, row.schema_name)).toEqual([]);
    }
  });

  it("can be called off when the new one goes away and the old schema wasn't closed after all", async () => {
    const { key, row } = await tenantOn("default");
    const operationId = await servers.moving(key);
    const release = await hold(first.adminUrl, `GRANT USAGE ON SCHEMA ${row.schema_name} TO pg_monitor`);
    const attempt = servers.attempt(operationId);
    const backend = await untilBlocked(first.adminUrl, OURS.provisioning);
    await network.cut();
    await endSession(first.adminUrl, backend);
    await release();
    expect(await attempt).toMatchObject({ kind: "not-yet" });
    await write(key);
    expect(await servers.attemptAgain(operationId)).toMatchObject({ kind: "not-yet" });
    await cancelOperation(ctx, operationId, MOVER);
    await write(key);
    expect(await itemsOf(key)).toBe(3);
    expect(await servers.tenantNow(key)).toMatchObject({ placement: "default", state: "ready" });

    await network.restore();
    await retryOperation(ctx, operationId, MOVER);
    expect(await servers.carryOn(operationId)).toMatchObject({ kind: "succeeded" });
    expect(await itemsOf(key)).toBe(3);
    expect(await servers.schemasOn(second.adminUrl, row.schema_name)).toEqual([row.schema_name]);
  });

  it("isn't in the way of a backup that was ordered before it", async () => {
    const { key } = await tenantOn("default");
    const operationId = await servers.moving(key);
    const { answer } = await orderBackup(ctx, { licenseKey: key }, MOVER);
    const release = await holdSwitch();
    const move = servers.attempt(operationId);
    await untilBlocked(first.adminUrl, OURS.control);
    // It looks for the tenant where nobody finds it just then.
    expect(await servers.attempt(answer.operation.id)).toMatchObject({ kind: "not-yet" });
    await release();
    expect(await move).toMatchObject({ kind: "succeeded" });
    expect(await servers.carryOn(answer.operation.id)).toMatchObject({ kind: "succeeded" });
  });
});
