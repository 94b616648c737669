import { sql } from "kysely";
import { PAUSED_STEP } from "../claim.ts";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import type { Caller } from "../idempotency.ts";
import { change, type OperationChange } from "../operation-control.ts";
import { isFinished } from "../operation-state.ts";
import type { LabelledOperationRow } from "../operation-view.ts";
import { getFleetRun } from "./load-run.ts";
import { forgetPause, NEVER, notePause } from "./pause-run.ts";
import type { Amount } from "./waves.ts";

const ASKED = "Paused: somebody asked for it.";

/**
 * Has a fleet migration begin with no more tenants: at once while it waits, when those under way have ended while it runs.
 *
 * @throws TenancyError OPERATION_NOT_FOUND; STATE_CONFLICT when it has ended or is paused already.
 */
export async function pauseFleet(ctx: TenancyContext, id: string, caller: Caller): Promise<OperationChange> {
  await getFleetRun(ctx, id);
  return change(ctx, id, caller, async (transaction, row) => {
    assertOpen(row);
    if (isPaused(row)) throw new TenancyError("STATE_CONFLICT", "The run is paused already.");
    if (row.state === "queued") {
      await transaction
        .updateTable("operations")
        .set({ step: PAUSED_STEP, message: ASKED, available_at: NEVER, enqueued_at: null })
        .where("id", "=", id)
        .execute();
      await notePause(transaction, id, ASKED);
      return "paused";
    }
    await transaction
      .updateTable("fleet_runs")
      .set({ pause_requested_at: sql<Date>`now()` })
      .where("operation_id", "=", id)
      .execute();
    await transaction
      .updateTable("operations")
      .set({ message: "Pause requested" })
      .where("id", "=", id)
      .execute();
    return "pause_requested";
  });
}

/**
 * Has a paused fleet migration go on. What has failed until now is done with: only what fails from here on counts against
 * its budget. The caller enqueues it.
 *
 * @param maxFailures another budget; null to keep the one that it has
 * @throws TenancyError OPERATION_NOT_FOUND; STATE_CONFLICT when it isn't paused.
 */
export async function resumeFleet(
  ctx: TenancyContext,
  id: string,
  { maxFailures }: { readonly maxFailures: Amount | null },
  caller: Caller,
): Promise<OperationChange> {
  await getFleetRun(ctx, id);
  return change(ctx, id, caller, async (transaction, row) => {
    assertOpen(row);
    const asked = await transaction
      .selectFrom("fleet_runs")
      .select("pause_requested_at")
      .where("operation_id", "=", id)
      .executeTakeFirstOrThrow();
    if (!isPaused(row) && asked.pause_requested_at === null) {
      throw new TenancyError("STATE_CONFLICT", "The run isn't paused.");
    }
    await forgetPause(transaction, id);
    await transaction
      .updateTable("fleet_runs")
      .set({
        forgiven: sql<number>`(select count(*)::integer from tenantry.fleet_items where run_id = ${id} and state = 'failed')`,
        ...(maxFailures === null ? {} : { max_failures: String(maxFailures) }),
      })
      .where("operation_id", "=", id)
      .execute();
    if (isPaused(row)) {
      await transaction
        .updateTable("operations")
        .set({
          step: "queued",
          message: "Waiting for a worker",
          attempts_before: sql<number>`attempts`,
          available_at: sql<Date>`now()`,
          enqueued_at: null,
        })
        .where("id", "=", id)
        .execute();
    }
    return "resumed";
  });
}

function isPaused({ state, step }: LabelledOperationRow): boolean {
  return state === "queued" && step === PAUSED_STEP;
}

function assertOpen({ state }: LabelledOperationRow): void {
  if (isFinished(state)) throw new TenancyError("STATE_CONFLICT", `The run is already ${state}.`);
}
