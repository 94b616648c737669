import { type CompiledBlueprint, versionCount } from "@tenantry/schema";
import { underClaim } from "../claim.ts";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import type { OperationHandler, OperationWork, WorkResult } from "../operation-work.ts";
import { succeed } from "../succeed-operation.ts";
import { countItems, type FleetCounts, type FleetRun, loadRun } from "./load-run.ts";
import { pauseUnderClaim } from "./pause-run.ts";
import { planFleet } from "./plan-fleet.ts";
import { rehearseFleet } from "./rehearse-fleet.ts";
import { runWave, type WaveEnd } from "./run-wave.ts";
import { budgetOf } from "./waves.ts";

/** What a fleet migration that has ended says. */
export interface FleetMigrationResult {
  readonly blueprint: string;
  readonly version: string;
  readonly tenants: number;
  readonly upgraded: number;
  readonly failed: number;
  /** They aren't there any more. */
  readonly skipped: number;
  readonly waves: number;
}

/**
 * Drives a fleet migration, wave by wave, over a few connections to each server. May run twice, at once, or after any
 * crash: each tenant's own ledger says what it has, and what becomes of it is written under the claim.
 */
export const performFleet: OperationHandler = async (ctx, work) => {
  const run = await loadRun(ctx, work.operation);
  const compiled = blueprintOf(ctx, run);
  if (run.input.dryRun) return rehearseFleet(ctx, work, run);
  const waves = run.waves ?? (await planFleet(ctx, work.claim, run, compiled));
  if (waves === null) return { kind: "superseded" };
  for (let number = run.wave; number < waves.length; number += 1) {
    if (!(await enterWave(ctx, work, number))) return { kind: "superseded" };
    const end = await driveWave(ctx, work, run, { compiled, waves, number });
    if (end !== null) return end;
  }
  return conclude(ctx, work, run, waves);
};

function blueprintOf(ctx: TenancyContext, run: FleetRun): CompiledBlueprint {
  const compiled = ctx.blueprints.get(run.blueprint);
  // Another worker may know it: they needn't all be of one version.
  if (compiled === undefined) {
    throw new TenancyError("BLUEPRINT_UNKNOWN", `There is no blueprint ${run.blueprint} in this worker.`, {
      retryable: true,
    });
  }
  if (versionCount(compiled, run.version) > 0) return compiled;
  throw new TenancyError(
    "TENANT_NEWER",
    `The run brings tenants to ${run.version}, which this worker's blueprint ${run.blueprint} hasn't got. Nothing was changed.`,
    { retryable: true },
  );
}

/** Notes where the run is. False when the claim is lost. */
async function enterWave(ctx: TenancyContext, { claim }: OperationWork, wave: number): Promise<boolean> {
  return ctx.control.transaction().execute(async (transaction) => {
    const held = await underClaim({ ...ctx, control: transaction }, claim)
      .set({ step: `wave ${wave + 1}`, message: "" })
      .executeTakeFirst();
    if (held.numUpdatedRows === 0n) return false;
    await transaction
      .updateTable("fleet_runs")
      .set({ wave })
      .where("operation_id", "=", claim.operationId)
      .execute();
    return true;
  });
}

interface At {
  readonly compiled: CompiledBlueprint;
  readonly waves: readonly number[];
  readonly number: number;
}

/** Null when the wave ended well and the next may come. */
async function driveWave(
  ctx: TenancyContext,
  work: OperationWork,
  run: FleetRun,
  { compiled, waves, number }: At,
): Promise<WorkResult | null> {
  const before = await countItems(ctx, run.id);
  const allowed = budgetOf(run.maxFailures, waves, number);
  let { done, failed } = { done: before.total - before.pending, failed: before.failed };
  const progress = () => ({
    percent: before.total === 0 ? 100 : Math.floor((100 * done) / before.total),
    step: `wave ${number + 1}`,
    message: `Wave ${number + 1} of ${waves.length}, to ${run.version}${failed === 0 ? "" : `, ${failed} failed`}`,
    done,
    total: before.total,
  });
  work.report(progress());
  const overBefore = before.failed - run.forgiven > allowed;
  const end: WaveEnd = overBefore
    ? "over-budget"
    : await runWave(ctx, {
        run,
        compiled,
        claim: work.claim,
        number,
        allowed,
        failures: before.failed - run.forgiven,
        onEnded: (isFailure) => {
          done += 1;
          if (isFailure) failed += 1;
          work.report(progress());
        },
      });
  // With nobody left there is nothing to be called off.
  if (end !== "lost" && done === before.total) return null;
  switch (end) {
    case "done":
      return null;
    case "lost":
      return { kind: "superseded" };
    case "cancel":
      return { kind: "canceled" };
    case "pause":
      return pauseUnderClaim(ctx, work.claim, "Paused: somebody asked for it.", progress());
    case "over-budget":
      return pauseUnderClaim(
        ctx,
        work.claim,
        `Paused: ${failed - run.forgiven} of ${done} tenants failed, and ${allowed} may (--max-failures ${run.maxFailures}).`,
        progress(),
      );
  }
}

async function conclude(
  ctx: TenancyContext,
  work: OperationWork,
  run: FleetRun,
  waves: readonly number[],
): Promise<WorkResult> {
  const counts = await countItems(ctx, run.id);
  const result: FleetMigrationResult = {
    blueprint: run.blueprint,
    version: run.version,
    tenants: counts.total,
    upgraded: counts.done,
    failed: counts.failed,
    skipped: counts.skipped,
    waves: waves.length,
  };
  const last = {
    percent: 100,
    step: "done",
    message: summary(run, counts),
    done: counts.total,
    total: counts.total,
  };
  return succeed(ctx, work, { last, result }, async () => undefined);
}

function summary({ blueprint, version }: FleetRun, { total, done, failed, skipped }: FleetCounts): string {
  if (total === 0) return `No tenant of ${blueprint} is behind ${version}`;
  return [
    `${done} of ${total} at ${version}`,
    ...(failed === 0 ? [] : [`${failed} failed`]),
    ...(skipped === 0 ? [] : [`${skipped} not there any more`]),
  ].join(", ");
}
