import type { ControlDatabase } from "@tenantry/schema";
import { sql } from "kysely";
import { type Claim, PAUSED_STEP, underClaim } from "../claim.ts";
import type { TenancyContext } from "../context.ts";
import type { OperationProgress } from "../operation-view.ts";
import type { WorkResult } from "../operation-work.ts";

/** Nobody's queue is to hold a job for it: until it goes on it is due at the end of time. */
export const NEVER = sql<Date>`'9999-12-31'::timestamptz`;

/** Gives a run's operation back, to wait until somebody has it go on. Writes nothing when the claim is lost. */
export async function pauseUnderClaim(
  ctx: TenancyContext,
  claim: Claim,
  reason: string,
  at: Pick<OperationProgress, "percent" | "done" | "total">,
): Promise<WorkResult> {
  const last: OperationProgress = { ...at, step: PAUSED_STEP, message: reason };
  return ctx.control.transaction().execute(async (transaction) => {
    const held = await underClaim({ ...ctx, control: transaction }, claim)
      .set({
        ...last,
        state: "queued",
        worker: null,
        heartbeat_at: null,
        enqueued_at: null,
        available_at: NEVER,
      })
      .executeTakeFirst();
    if (held.numUpdatedRows === 0n) return { kind: "superseded" };
    await notePause(transaction, claim.operationId, reason);
    await transaction
      .insertInto("operation_events")
      .values({
        operation_id: claim.operationId,
        type: "paused",
        actor: "run",
        data: JSON.stringify({ reason }),
      })
      .execute();
    return { kind: "paused", last };
  });
}

/** Notes that a run is paused, and why. */
export async function notePause(transaction: ControlDatabase, runId: string, reason: string): Promise<void> {
  await transaction
    .updateTable("fleet_runs")
    .set({ paused_at: sql<Date>`now()`, pause_reason: reason, pause_requested_at: null })
    .where("operation_id", "=", runId)
    .execute();
}

/** A run that has ended, or goes on, isn't paused. */
export async function forgetPause(transaction: ControlDatabase, runId: string): Promise<void> {
  await transaction
    .updateTable("fleet_runs")
    .set({ paused_at: null, pause_reason: null, pause_requested_at: null })
    .where("operation_id", "=", runId)
    .execute();
}
