import { join } from "node:path";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../../test/support/database.ts";
import { acceptMove, itemsOf } from "../../../../test/support/legacy-moves.ts";
import { hold, untilBlocked } from "../../../../test/support/locks.ts";
import { shop, stall } from "../../../../test/support/shop-blueprint.ts";
import { writeShop } from "../../../../test/support/shop-source.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import { claimOperation, renewClaim } from "../claim.ts";
import type { Caller } from "../idempotency.ts";
import { cancelOperation, retryOperation } from "../operation-control.ts";
import { getOperation, listOperations } from "../operations.ts";
import { neverEnqueuedChildren } from "../outbox.ts";
import { performOperation } from "../perform-operation.ts";
import { legacyRunFigures } from "./legacy-figures.ts";

const OPS: Caller = { actor: "cli:ops", apiKeyId: null, idempotency: null };
const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [shop, stall] });
const { ctx, legacyDirectory } = installation;

const perform = (operationId: string, leaseMs = 60_000) =>
  performOperation(ctx, {
    operationId,
    worker: "w",
    leaseMs,
    maxAttempts: 3,
    sink: { progress: async () => undefined, log: async () => undefined },
  });

const folder = (name: string): string => join(legacyDirectory, name);

async function children(runId: string) {
  const { items } = await listOperations(ctx, { parentId: runId }, { limit: 200 });
  return [...items].reverse();
}

/** All that a plan might have written besides itself. */
async function traces() {
  const { rows } = await sql<{ n: number }>`
    select (select count(*) from tenantry.licenses) + (select count(*) from tenantry.tenants)
      + (select count(*) from tenantry.operations where parent_id is not null) as n`.execute(ctx.control);
  return Number(rows[0]?.n);
}

describe("a dry run", () => {
  it("says what would become of each license, and writes nothing else", async () => {
    const path = await writeShop(
      folder("dry"),
      [
        { name: "AAAA-1", admin: { username: "boss", password: { plain: "a plain password" } } },
        { name: "BBBB-2", file: "no-such.db" },
        { name: "CCCC-3", refused: "Two licenses claim the file x.db." },
      ],
      {},
      { findings: [{ file: "z.db", code: "file-without-license", detail: "No license has the file." }] },
    );
    const before = await traces();
    const { id } = await acceptMove(installation, { path, dryRun: true });
    expect(await perform(id)).toMatchObject({ kind: "succeeded" });
    expect(await getOperation(ctx, id)).toMatchObject({
      state: "succeeded",
      result: {
        dryRun: true,
        licenses: 3,
        foresight: { import: 0, create: 1, skip: 0, refuse: 2 },
        rows: 0,
        findings: 1,
      },
    });
    expect(await itemsOf(installation, id)).toMatchObject([
      { name: "AAAA-1", licenseKey: "AAAA-1", state: "planned", foresight: "create", operationId: null },
      { name: "BBBB-2", state: "planned", foresight: "refuse", error: { code: "SOURCE_NOT_FOUND" } },
      {
        name: "CCCC-3",
        state: "planned",
        foresight: "refuse",
        error: { code: "SOURCE_INVALID", detail: "Two licenses claim the file x.db." },
      },
    ]);
    expect(await legacyRunFigures(ctx, id)).toMatchObject({
      licenses: { total: 3, planned: 3 },
      foresight: { create: 1, refuse: 2 },
      findings: 1,
    });
    expect(await traces()).toBe(before);
    const stored = await sql<{ text: string }>`
      select (select string_agg(i::text, ' ') from tenantry.legacy_items i)
        || (select string_agg(o::text, ' ') from tenantry.operations o) as text`.execute(ctx.control);
    expect(stored.rows[0]?.text).not.toMatch(/plain password|argon2/);
  });

  it("may be retried after a failure, and has one plan in the end", async () => {
    const path = folder("later");
    const { id } = await acceptMove(installation, { path, dryRun: true });
    expect(await perform(id)).toMatchObject({ kind: "failed", error: { code: "SOURCE_NOT_FOUND" } });
    await writeShop(path, [{ name: "LATE-1" }]);
    await retryOperation(ctx, id, OPS);
    expect(await perform(id)).toMatchObject({ kind: "succeeded" });
    expect(await itemsOf(installation, id)).toHaveLength(1);
  });
});

describe("a plan", () => {
  it("becomes a run with a child for each license, which no worker takes and nobody has lost", async () => {
    const path = await writeShop(folder("run"), [
      { name: "RUN-1", clientName: "One" },
      { name: "RUN-2", file: "gone.db" },
      { name: "RUN-3", refused: "It is odd." },
    ]);
    const { id } = await acceptMove(installation, { path });
    expect(await perform(id)).toMatchObject({ kind: "handed-on" });
    const run = await getOperation(ctx, id);
    expect(run).toMatchObject({
      state: "running",
      children: { total: 3, queued: 1, running: 0, succeeded: 0, failed: 2, canceled: 0 },
    });
    expect(await children(id)).toMatchObject([
      { kind: "migrate-legacy", parentId: id, item: 0, licenseKey: "RUN-1", state: "queued" },
      { item: 1, licenseKey: "RUN-2", state: "failed", error: { code: "SOURCE_NOT_FOUND" } },
      { item: 2, state: "failed", error: { code: "SOURCE_INVALID", detail: "It is odd." } },
    ]);
    expect(await neverEnqueuedChildren(ctx, id, 10)).toMatchObject([
      { kind: "migrate-legacy", licenseKey: "RUN-1", clientName: "One", schema: "shop_run_1", runId: id },
    ]);
    expect(await perform(id)).toEqual({ kind: "finished-before" });
    // The worker that planned it may still have a sign of life on its way.
    expect(await renewClaim(ctx, { operationId: id, attempt: 1 })).toBe(false);
    const row = await ctx.control
      .selectFrom("operations")
      .select(["worker", "heartbeat_at"])
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
    expect(row).toEqual({ worker: null, heartbeat_at: null });
  });

  it("of a source without licenses has succeeded, and says so", async () => {
    const path = await writeShop(folder("empty"), []);
    const { id } = await acceptMove(installation, { path });
    await perform(id);
    expect(await getOperation(ctx, id)).toMatchObject({ state: "succeeded", children: { total: 0 } });
    expect(await legacyRunFigures(ctx, id)).toMatchObject({ findings: 1 });
  });

  it("takes only the licenses that were asked for, by key in any case or by name", async () => {
    const path = await writeShop(folder("some"), [
      { name: "SOME-1" },
      { name: "SOME-2" },
      { name: "folder x", key: null },
    ]);
    const { id } = await acceptMove(installation, { path, licenseKeys: ["some-2", "folder x"] });
    await perform(id);
    const items = await itemsOf(installation, id);
    expect(items.map(({ name }) => name)).toEqual(["SOME-2", "folder x"]);
    expect(items[1]?.licenseKey).toMatch(/^[0-9A-Z]{4}(-[0-9A-Z]{4}){3}$/);
    const again = await acceptMove(installation, { path, licenseKeys: ["folder x"], dryRun: true });
    await perform(again.id);
    expect((await itemsOf(installation, again.id))[0]?.licenseKey).toBe(items[1]?.licenseKey);
  });

  it("refuses licenses that the source doesn't have, and names them", async () => {
    const path = await writeShop(folder("unknown"), [{ name: "HERE-1" }]);
    const { id } = await acceptMove(installation, { path, licenseKeys: ["HERE-1", "NOT-1"] });
    expect(await perform(id)).toMatchObject({
      kind: "failed",
      error: { code: "LICENSE_NOT_FOUND", detail: "The source has no license NOT-1." },
    });
  });

  it("refuses what can't be kept as it is, license by license", async () => {
    const path = await writeShop(folder("odd"), [
      { name: "ODD-1", email: `${"x".repeat(300)}@example.com` },
      { name: "ODD-2", maxUsers: 0 },
      { name: "ODD-3", expiresAt: "no date" },
      { name: "ODD-4", notes: "half \ud800 a pair" },
      { name: "key\u0007bell" },
      { name: "Same" },
      { name: "second", key: "SAME" },
      { name: "x".repeat(65) },
      { name: "مفتاح 1" },
    ]);
    const { id } = await acceptMove(installation, { path, dryRun: true });
    await perform(id);
    const items = await itemsOf(installation, id);
    expect(items.map(({ foresight, error }) => error?.detail ?? foresight)).toEqual([
      "The license can't be kept as the source has it: email has more than 254 characters.",
      "The license can't be kept as the source has it: maxUsers is no whole number from 1 to 2147483647.",
      "The license can't be kept as the source has it: expiresAt is no time between the years 1 and 9999.",
      "The license can't be kept as the source has it: notes holds what is no text.",
      "The license can't be kept as the source has it: its license key holds characters that can't be printed.",
      "create",
      "License Same of the source has the same key.",
      "The license can't be kept as the source has it: its license key has more than 64 characters.",
      "create",
    ]);
    expect(items[5]).toMatchObject({
      licenseKey: "SAME",
      notes: [expect.stringContaining("capitals"), expect.anything()],
    });
  });

  it("reads nothing outside LEGACY_DIR for a path from a request", async () => {
    await writeShop(folder("inside"), [{ name: "IN-1" }]);
    const { id } = await acceptMove(installation, { path: "inside", root: "legacy-dir", dryRun: true });
    expect(await perform(id)).toMatchObject({ kind: "succeeded" });
    const file = await acceptMove(installation, { path: join(folder("inside"), "licenses.json") });
    expect(await perform(file.id)).toMatchObject({ kind: "failed", error: { code: "SOURCE_NOT_FOUND" } });
  });

  it("is made once when two workers take over from one that is dead", async () => {
    const path = await writeShop(folder("twice"), [{ name: "TWICE-1" }, { name: "TWICE-2" }]);
    const { id } = await acceptMove(installation, { path });
    await claimOperation(ctx, { operationId: id, worker: "dead", leaseMs: 1 });
    await ctx.control
      .updateTable("operations")
      .set({ heartbeat_at: sql<Date>`now() - interval '1 hour'` })
      .where("id", "=", id)
      .execute();
    const outcomes = await Promise.all([perform(id), perform(id)]);
    expect(outcomes.filter(({ kind }) => kind === "handed-on")).toHaveLength(1);
    expect(await children(id)).toHaveLength(2);
  });

  it("is canceled before it was begun, and planned after all when it is retried", async () => {
    const path = await writeShop(folder("canceled"), [{ name: "CANC-1" }]);
    const { id } = await acceptMove(installation, { path });
    await cancelOperation(ctx, id, OPS);
    expect(await getOperation(ctx, id)).toMatchObject({ state: "canceled" });
    await retryOperation(ctx, id, OPS);
    expect(await perform(id)).toMatchObject({ kind: "handed-on" });
  });
});

describe("a plan that is canceled", () => {
  it("while its source is read leaves nothing", async () => {
    const path = await writeShop(folder("stop"), [{ name: "STOPPED-1" }]);
    const { id } = await acceptMove(installation, { path });
    const release = await hold(database.adminUrl, "LOCK TABLE tenantry.licenses IN ACCESS EXCLUSIVE MODE");
    const planning = perform(id);
    await untilBlocked(database.adminUrl, "tenantry-test-control");
    const canceling = withAdmin(database.adminUrl, (client) =>
      client.query("UPDATE tenantry.operations SET cancel_requested_at = now() WHERE id = $1", [id]),
    );
    await canceling;
    await release();
    expect(await planning).toEqual({ kind: "canceled" });
    expect(await getOperation(ctx, id)).toMatchObject({ state: "canceled" });
    expect(await itemsOf(installation, id)).toEqual([]);
    expect(await children(id)).toEqual([]);
  });

  it("while it becomes a run is canceled as the run that it is", async () => {
    const path = await writeShop(folder("edge"), [{ name: "EDGE-1" }, { name: "EDGE-2" }]);
    const { id } = await acceptMove(installation, { path });
    const release = await hold(database.adminUrl, "LOCK TABLE tenantry.legacy_items IN EXCLUSIVE MODE");
    const planning = perform(id);
    await untilBlocked(database.adminUrl, "tenantry-test-control");
    const canceling = cancelOperation(ctx, id, OPS);
    await release();
    expect((await planning).kind).toBe("handed-on");
    await canceling;
    expect(await getOperation(ctx, id)).toMatchObject({
      state: "canceled",
      children: { total: 2, canceled: 2 },
    });
  });
});
