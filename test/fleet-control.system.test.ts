import { setTimeout as wait } from "node:timers/promises";
import { announceAgain } from "@tenantry/jobs";
import {
  cancelOperation,
  fleetFigures,
  getOperation,
  pauseFleet,
  resumeFleet,
  retryOperation,
} from "@tenantry/tenancy";
import { describe, expect, it } from "vitest";
import { claimOperation } from "../packages/tenancy/src/claim.ts";
import { type ItemResult, storeResults } from "../packages/tenancy/src/fleet/fleet-items.ts";
import { atPace } from "../packages/tenancy/src/pace/at-pace.ts";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { acceptFleet, expectWhole, oldTenants, performFleet, tenantFacts } from "./support/fleet.ts";
import { fleetBlueprint, migration, PICKY } from "./support/fleet-blueprint.ts";
import { hold, untilBlocked } from "./support/locks.ts";
import { perform } from "./support/perform.ts";
import { ended } from "./support/requests.ts";
import { CALLER } from "./support/restores.ts";
import { openTestInstallation, type TestInstallation } from "./support/tenantry.ts";

const database = await createTestDatabase();
const keys = await oldTenants(database.url, fleetBlueprint(1), 8);
const admin = (text: string) => withAdmin(database.adminUrl, (client) => client.query(text));
const versions = async (installation: Awaited<ReturnType<typeof openTestInstallation>>) =>
  (await tenantFacts(installation, database.adminUrl)).map(({ registered }) => registered);

/** Pauses a run while its first tenant stands in line behind other bulk work. Returns how the attempt ended. */
function pausedInLine({ ctx, ...rest }: TestInstallation, id: string): Promise<string> {
  return withAdmin(database.adminUrl, async () => {
    // So long it is taken for granted that nobody is there.
    await wait(600);
    const [begun, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const other = atPace(ctx, ctx.placements.main, "yield", () => {
      begun.resolve();
      return done.promise;
    });
    await begun.promise;
    const attempt = perform({ ctx, ...rest }, id);
    await expect.poll(async () => (await getOperation(ctx, id)).progress.step).toBe("wave 1");
    await pauseFleet(ctx, id, CALLER);
    // The run looks four times a second what is wanted of it.
    await wait(1_000);
    done.resolve();
    await other;
    return (await attempt).kind;
  });
}

describe("a fleet migration can be stopped", async () => {
  const installation = await openTestInstallation({
    databaseUrl: database.url,
    blueprints: [fleetBlueprint(2, [PICKY])],
  });
  const { ctx } = installation;
  let paused = "";

  it("by a canary that fails: the others keep their version", async () => {
    await admin(`insert into fleet_0005.items values (1, 'poison')`);
    const { id, kind, figures } = await performFleet(installation, { canary: [keys[4]] });
    expect(kind).toBe("paused");
    expect(figures).toMatchObject({
      wave: 1,
      waves: [1, 4, 3],
      tenants: { failed: 1, pending: 7, done: 0 },
      paused: { reason: expect.stringContaining("1 of 1 tenants failed, and 0 may") },
    });
    expect(await versions(installation)).toEqual(Array(8).fill("0001_items"));
    expect((await getOperation(ctx, id)).progress.step).toBe("paused");
    paused = id;
  });

  it("and then waits, whoever rings for it, and lets no other run of the blueprint begin", async () => {
    expect((await perform(installation, paused)).kind).toBe("finished-before");
    await expect(acceptFleet(installation)).rejects.toMatchObject({
      code: "STATE_CONFLICT",
      message: expect.stringContaining(paused),
    });
    await expect(pauseFleet(ctx, paused, CALLER)).rejects.toMatchObject({ code: "STATE_CONFLICT" });
    await expect(retryOperation(ctx, paused, CALLER)).rejects.toMatchObject({ code: "STATE_CONFLICT" });
  });

  it("and goes on where it was, the failure forgiven", async () => {
    await resumeFleet(ctx, paused, { maxFailures: null }, CALLER);
    expect((await perform(installation, paused)).kind).toBe("succeeded");
    expect((await fleetFigures(ctx, paused)).tenants).toMatchObject({ done: 7, failed: 1 });
    await admin("delete from fleet_0005.items");
    const { figures } = await performFleet(installation, { licenseKeys: [keys[4]] });
    expect(figures.tenants).toMatchObject({ total: 1, done: 1 });
    expectWhole(await tenantFacts(installation, database.adminUrl));
    await expect(resumeFleet(ctx, paused, { maxFailures: null }, CALLER)).rejects.toMatchObject({
      code: "STATE_CONFLICT",
    });
  });

  it("while it runs: what is under way ends, and what is left comes with the resumption", async () => {
    const next = await openTestInstallation({
      databaseUrl: database.url,
      blueprints: [
        fleetBlueprint(2, [PICKY, migration("0010_next", "alter table items add column tag text")]),
      ],
    });
    const worker = await next.work();
    const release = await hold(database.adminUrl, "select pg_advisory_xact_lock(1)");
    await admin(
      "create function public.slow() returns event_trigger language plpgsql as 'begin perform pg_advisory_xact_lock_shared(1); end'",
    );
    await admin(
      "create event trigger slow on ddl_command_start when tag in ('ALTER TABLE') execute function public.slow()",
    );
    const id = await acceptFleet(next, { maxFailures: "100%" });
    await announceAgain(next.ctx, next.queues, id);
    await untilBlocked(database.adminUrl, "tenantry-test-provisioning");
    await pauseFleet(next.ctx, id, CALLER);
    await release();
    await expect
      .poll(async () => (await fleetFigures(next.ctx, id)).paused?.reason, { timeout: 10_000 })
      .toContain("somebody asked");
    const { tenants } = await fleetFigures(next.ctx, id);
    expect(tenants).toMatchObject({ done: 1, pending: 7 });
    await admin("drop event trigger slow");
    await resumeFleet(next.ctx, id, { maxFailures: "5%" }, CALLER);
    await announceAgain(next.ctx, next.queues, id);
    expect(await ended(next, id)).toMatchObject({ state: "succeeded" });
    expect((await fleetFigures(next.ctx, id)).tenants).toMatchObject({ done: 8, failed: 0 });
    expect(await versions(next)).toEqual(Array(8).fill("0010_next"));
    await worker.close();
  });

  it("for good: a canceled one leaves the rest, and can be taken up again", async () => {
    const last = await openTestInstallation({
      databaseUrl: database.url,
      blueprints: [
        fleetBlueprint(2, [
          PICKY,
          migration("0010_next", "alter table items add column tag text"),
          { ...migration("0011_breaking", "alter table items drop column tag"), breaks: "app before 2.4" },
        ]),
      ],
    });
    await expect(acceptFleet(last)).rejects.toMatchObject({
      code: "MIGRATION_BREAKS",
      message: "Migration 0011_breaking breaks app before 2.4.",
    });
    const id = await acceptFleet(last, { acceptBreaking: true });
    expect(await pausedInLine(last, id)).toBe("paused");
    expect((await fleetFigures(last.ctx, id)).tenants).toMatchObject({ done: 0, pending: 8 });
    await cancelOperation(last.ctx, id, CALLER);
    expect((await getOperation(last.ctx, id)).state).toBe("canceled");
    expect(new Set(await versions(last))).toEqual(new Set(["0010_next"]));
    await retryOperation(last.ctx, id, CALLER);
    expect((await perform(last, id)).kind).toBe("succeeded");
    expect(new Set(await versions(last))).toEqual(new Set(["0011_breaking"]));
    expectWhole(await tenantFacts(last, database.adminUrl));
  });

  it("and a worker without its version hands it on", async () => {
    const newer = await openTestInstallation({
      databaseUrl: database.url,
      blueprints: [fleetBlueprint(3)],
    });
    await newer.ctx.control.updateTable("tenants").set({ version: "0002_applied" }).execute();
    const id = await acceptFleet(newer);
    expect(await perform(installation, id)).toMatchObject({ kind: "not-yet" });
    await cancelOperation(ctx, id, CALLER);
  });

  it("and what a worker has to say that was taken for dead is not written", async () => {
    const own = await openTestInstallation({ databaseUrl: database.url, blueprints: [fleetBlueprint(3)] });
    const run = await acceptFleet(own, { licenseKeys: [keys[0]] });
    const input = { operationId: run, worker: "sleeper", leaseMs: 60_000 };
    const claimed = await claimOperation(own.ctx, input);
    if (claimed.kind !== "claimed") throw new Error("the run can't be claimed");
    const { tenant_id } = await own.ctx.control
      .insertInto("fleet_items")
      .columns(["run_id", "tenant_id", "wave"])
      .expression((eb) =>
        eb
          .selectFrom("tenants")
          .select((select) => [select.val(run).as("run_id"), "id", select.val(0).as("wave")])
          .where("schema_name", "=", "fleet_0001"),
      )
      .returning("tenant_id")
      .executeTakeFirstOrThrow();
    const result: ItemResult = {
      tenant_id,
      state: "done",
      at: "0003_again",
      from_version: null,
      found: false,
      attempts: 1,
      duration_ms: 1,
      error: null,
    };
    const late = { ...claimed.claim, attempt: claimed.claim.attempt - 1 };
    expect(await storeResults(own.ctx, late, [result])).toMatchObject({ held: false });
    expect((await fleetFigures(own.ctx, run)).tenants).toMatchObject({ pending: 1 });
    expect(await versions(own)).not.toContain("0003_again");
    await cancelOperation(own.ctx, run, CALLER);
    expect(await storeResults(own.ctx, claimed.claim, [result])).toMatchObject({ held: true, cancel: true });
    expect(await versions(own)).toContain("0003_again");
  });
});
