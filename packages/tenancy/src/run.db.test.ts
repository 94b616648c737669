import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { createTestDatabase } from "../../../test/support/database.ts";
import { openTestInstallation } from "../../../test/support/tenantry.ts";
import { tiny } from "../../../test/support/tiny-blueprint.ts";
import { claimOperation } from "./claim.ts";
import { createLicenses } from "./create-licenses.ts";
import { examineInstallation } from "./doctor/examine-installation.ts";
import { jobEntry, operationsInNeed } from "./doctor/operations-in-need.ts";
import type { Caller } from "./idempotency.ts";
import { cancelOperation, retryOperation } from "./operation-control.ts";
import { getOperation, listOperations } from "./operations.ts";
import { maybeLost } from "./outbox.ts";
import { performOperation } from "./perform-operation.ts";
import { acceptRun } from "./run.ts";

const OPS: Caller = { actor: "cli:ops", apiKeyId: null, idempotency: null };
const LEASE_MS = 60_000;

const database = await createTestDatabase();
const { ctx } = await openTestInstallation({ databaseUrl: database.url, blueprints: [tiny] });

/** A run of so many good items. */
async function accepted(length: number): Promise<{ id: string; children: string[] }> {
  const items = Array.from({ length }, (_, index) => ({ clientName: `Client ${index}`, blueprint: "tiny" }));
  const { id } = (await createLicenses(ctx, { items, pace: "yield" }, OPS)).answer.operation;
  const { items: listed } = await listOperations(ctx, { parentId: id }, { limit: 200 });
  return { id, children: listed.map((child) => child.id).reverse() };
}

const claim = (operationId: string) => claimOperation(ctx, { operationId, worker: "w", leaseMs: LEASE_MS });

const perform = (operationId: string) =>
  performOperation(ctx, {
    operationId,
    worker: "w",
    leaseMs: LEASE_MS,
    maxAttempts: 5,
    sink: { progress: async () => undefined, log: async () => undefined },
  });

async function end(id: string, state: "succeeded" | "failed"): Promise<void> {
  await ctx.control
    .updateTable("operations")
    .set({
      state,
      finished_at: sql<Date>`now()`,
      error: state === "failed" ? JSON.stringify({ code: "INTERNAL", detail: "", hint: "" }) : null,
    })
    .where("id", "=", id)
    .execute();
}

describe("a run", () => {
  it("ends with its last child, however the last two race", async () => {
    for (let round = 0; round < 50; round++) {
      const { id, children } = await accepted(2);
      await Promise.all(children.map((child, index) => end(child, index === 0 ? "succeeded" : "failed")));
      const run = await getOperation(ctx, id);
      expect(run).toMatchObject({ state: "succeeded", result: { succeeded: 1, failed: 1, canceled: 0 } });
      expect(run.children).toEqual({ total: 2, queued: 0, running: 0, succeeded: 1, failed: 1, canceled: 0 });
      expect(run.finishedAt).toBeDefined();
    }
  });

  it("counts what runs and shows how far it is, in lists too", async () => {
    const { id, children } = await accepted(4);
    const [first = "", second = ""] = children;
    await claim(first);
    await claim(second);
    await end(second, "succeeded");
    const shown = {
      id,
      state: "running",
      children: { total: 4, queued: 2, running: 1, succeeded: 1, failed: 0, canceled: 0 },
      progress: { percent: 25, done: 1, total: 4, message: "1 succeeded" },
    };
    expect(await getOperation(ctx, id)).toMatchObject(shown);
    const { items } = await listOperations(ctx, { kind: "create-licenses" }, { limit: 1 });
    expect(items).toMatchObject([shown]);
    expect((await getOperation(ctx, first)).children).toBeUndefined();
  });

  it("is opened again by a child that is done again, and ends again", async () => {
    const { id, children } = await accepted(2);
    const [first = "", second = ""] = children;
    await end(first, "failed");
    await end(second, "succeeded");
    await retryOperation(ctx, first, OPS);
    const open = await getOperation(ctx, id);
    expect(open).toMatchObject({ state: "running", children: { queued: 1, succeeded: 1, failed: 0 } });
    expect(open.finishedAt).toBeUndefined();
    expect(open.result).toBeUndefined();
    await end(first, "succeeded");
    expect(await getOperation(ctx, id)).toMatchObject({ state: "succeeded", result: { succeeded: 2 } });
  });

  it("without children is done at once", async () => {
    const run = { kind: "create-licenses", step: "nothing", input: {} } as const;
    const { answer } = await acceptRun(ctx, run, OPS, async () => []);
    expect(answer.operation).toMatchObject({
      state: "succeeded",
      children: { total: 0 },
      progress: { percent: 100 },
    });
  });

  it("is nobody's lost work, and no worker takes it", async () => {
    const { id, children } = await accepted(1);
    await ctx.control
      .updateTable("operations")
      .set({
        created_at: sql<Date>`now() - interval '1 day'`,
        available_at: sql<Date>`now() - interval '1 day'`,
      })
      .where("id", "in", [id, ...children])
      .execute();
    expect((await claim(id)).kind).not.toBe("claimed");
    const lost = await maybeLost(ctx, { recheckMs: 0, leaseMs: 0, limit: 1_000 });
    const inNeed = await operationsInNeed(ctx, { licenseKey: null, limit: 1_000 });
    expect([...lost, ...inNeed].map((entry) => entry.id)).not.toContain(id);
    expect(inNeed.map((entry) => entry.id)).toContain(children[0]);
    expect(await jobEntry(ctx, id)).toBeNull();
  });
});

describe("canceling a run", () => {
  it("cancels at once what waits, asks what runs, and ends with it", async () => {
    const { id, children } = await accepted(5);
    const [done = "", running = ""] = children;
    await perform(done);
    await claim(running);
    const { operation } = await cancelOperation(ctx, id, OPS);
    expect(operation).toMatchObject({
      state: "running",
      children: { total: 5, queued: 0, running: 1, succeeded: 1, failed: 0, canceled: 3 },
    });
    expect((await getOperation(ctx, running)).progress.message).toBe("Cancellation requested");
    await end(running, "succeeded");
    expect(await getOperation(ctx, id)).toMatchObject({
      state: "canceled",
      result: { succeeded: 2, failed: 0, canceled: 3 },
    });
    await expect(cancelOperation(ctx, id, OPS)).rejects.toMatchObject({ code: "STATE_CONFLICT" });
  });

  it("ends it at once when nothing runs, and retrying does what is left after all", async () => {
    const { id, children } = await accepted(3);
    await perform(children[0] ?? "");
    expect((await cancelOperation(ctx, id, OPS)).operation.state).toBe("canceled");
    const tenants = () =>
      ctx.control
        .selectFrom("tenants")
        .innerJoin("operations", "operations.license_id", "tenants.license_id")
        .where("operations.parent_id", "=", id)
        .orderBy("operations.id")
        .select("tenants.state")
        .execute();
    expect((await tenants()).map(({ state }) => state)).toEqual(["ready", "failed", "failed"]);
    expect((await retryOperation(ctx, id, OPS)).operation).toMatchObject({
      state: "running",
      children: { queued: 2, succeeded: 1, canceled: 0 },
    });
    expect((await tenants()).map(({ state }) => state)).toEqual(["ready", "provisioning", "provisioning"]);
    for (const child of children) await perform(child);
    expect(await getOperation(ctx, id)).toMatchObject({ state: "succeeded", result: { succeeded: 3 } });
    expect((await tenants()).map(({ state }) => state)).toEqual(["ready", "ready", "ready"]);
    const events = await ctx.control
      .selectFrom("operation_events")
      .select("type")
      .where("operation_id", "=", id)
      .orderBy("id")
      .execute();
    expect(events.map(({ type }) => type)).toEqual([
      "accepted",
      "canceled",
      "cancel_requested",
      "retried",
      "succeeded",
    ]);
  });

  it("neither hangs nor miscounts while its children end, are canceled and are done again", async () => {
    const { id, children } = await accepted(60);
    await Promise.all([
      ...children.slice(0, 30).map((child) => perform(child)),
      ...children
        .slice(20, 50)
        .map((child) =>
          cancelOperation(ctx, child, OPS).catch((error) => expect(error.code).toBe("STATE_CONFLICT")),
        ),
      ...[1, 2, 3].map(() =>
        cancelOperation(ctx, id, OPS).catch((error) => expect(error.code).toBe("STATE_CONFLICT")),
      ),
      ...[1, 2, 3].map(() =>
        retryOperation(ctx, id, OPS).catch((error) => expect(error.code).toBe("STATE_CONFLICT")),
      ),
    ]);
    const rows = await ctx.control
      .selectFrom("operations")
      .select("state")
      .where("parent_id", "=", id)
      .execute();
    const counted = (state: string) => rows.filter((row) => row.state === state).length;
    expect((await getOperation(ctx, id)).children).toEqual({
      total: 60,
      queued: counted("queued"),
      running: counted("running"),
      succeeded: counted("succeeded"),
      failed: counted("failed"),
      canceled: counted("canceled"),
    });
  });
});

describe("retrying a run", () => {
  it("puts back what failed and nothing else, and not what was refused for its faults", async () => {
    const items = [
      { clientName: "Good", blueprint: "tiny" },
      { clientName: "", blueprint: "tiny" },
      { clientName: "Fails", blueprint: "tiny" },
    ];
    const { id } = (await createLicenses(ctx, { items, pace: "yield" }, OPS)).answer.operation;
    const listed = await listOperations(ctx, { parentId: id }, { limit: 10 });
    const [fails, refused, good] = listed.items.map((child) => child.id);
    await perform(good ?? "");
    await end(fails ?? "", "failed");
    const { operation } = await retryOperation(ctx, id, OPS);
    expect(operation).toMatchObject({ state: "running", children: { queued: 1, succeeded: 1, failed: 1 } });
    await perform(fails ?? "");
    expect(await getOperation(ctx, id)).toMatchObject({ result: { succeeded: 2, failed: 1 } });
    await expect(retryOperation(ctx, id, OPS)).rejects.toMatchObject({ code: "STATE_CONFLICT" });
    await expect(retryOperation(ctx, refused ?? "", OPS)).rejects.toMatchObject({ code: "STATE_CONFLICT" });
    const findings = await examineInstallation(ctx, { caller: OPS, announce: async () => undefined });
    expect(JSON.stringify(findings)).not.toContain(refused);
  });
});
