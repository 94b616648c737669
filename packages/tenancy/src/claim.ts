import { sql } from "kysely";
import type { TenancyContext } from "./context.ts";
import { isFinished, statesBefore } from "./operation-state.ts";
import type { LabelledOperationRow, OperationProgress } from "./operation-view.ts";
import { labelledOperations } from "./operations.ts";

/**
 * A worker's right to an operation. The attempt's number is the fence: each claim raises it, and every write of a
 * worker names it, so that one that was taken for dead and wakes up again writes nothing.
 */
export interface Claim {
  readonly operationId: string;
  readonly attempt: number;
}

/** What a paused operation's `step` says. */
export const PAUSED_STEP = "paused";

export type ClaimOutcome =
  | { readonly kind: "claimed"; readonly claim: Claim; readonly operation: LabelledOperationRow }
  /** Nothing to do: it ended before, has become a run, whose children do the work, or is paused. */
  | { readonly kind: "finished" }
  /** Another worker has it and lives, or it is to wait; ask again then. */
  | { readonly kind: "not-yet"; readonly retryInMs: number }
  | { readonly kind: "unknown" };

/**
 * Takes an operation: one that waits, or one whose worker hasn't given a sign of life for `leaseMs`.
 */
export async function claimOperation(
  ctx: TenancyContext,
  input: { operationId: string; worker: string; leaseMs: number },
): Promise<ClaimOutcome> {
  const lease = sql<Date>`now() - ${input.leaseMs} * interval '1 millisecond'`;
  const claimed = await ctx.control
    .with("claimed", (db) =>
      db
        .updateTable("operations")
        .set((eb) => ({
          state: "running",
          attempts: eb("attempts", "+", 1),
          // A worker's death says nothing against the work: only trouble that the work itself met brings its end nearer.
          attempts_before: sql<number>`attempts_before + (state = 'running')::integer`,
          worker: input.worker,
          heartbeat_at: sql<Date>`now()`,
          started_at: sql<Date>`coalesce(started_at, now())`,
          percent: 0,
          step: "started",
          message: "",
        }))
        .where("id", "=", input.operationId)
        .where("state", "in", statesBefore("start"))
        // A run has no work of its own.
        .where("children", "is", null)
        .where((eb) =>
          eb.or([
            eb.and([eb("state", "=", "queued"), eb("available_at", "<=", sql<Date>`now()`)]),
            eb.and([eb("state", "=", "running"), eb("heartbeat_at", "<", lease)]),
          ]),
        )
        .returningAll(),
    )
    .with("event", (db) =>
      db
        .insertInto("operation_events")
        .columns(["operation_id", "type", "actor", "data"])
        .expression((eb) =>
          eb
            .selectFrom("claimed")
            .select((select) => [
              "claimed.id",
              select.val("started" as const).as("type"),
              select.val(`worker:${input.worker}`).as("actor"),
              sql<string>`jsonb_build_object('attempt', claimed.attempts)`.as("data"),
            ]),
        ),
    )
    .selectFrom("claimed")
    .leftJoin("licenses", "licenses.id", "claimed.license_id")
    .selectAll("claimed")
    .select("licenses.key as license_key")
    .executeTakeFirst();
  if (claimed !== undefined) {
    const operation: LabelledOperationRow = { ...claimed, children_running: null } as LabelledOperationRow;
    return {
      kind: "claimed",
      claim: { operationId: operation.id, attempt: operation.attempts },
      operation,
    };
  }
  return whyNot(ctx, input);
}

async function whyNot(
  ctx: TenancyContext,
  input: { operationId: string; leaseMs: number },
): Promise<ClaimOutcome> {
  const row = await labelledOperations(ctx.control)
    .where("operations.id", "=", input.operationId)
    .select(sql<number>`extract(epoch from available_at - now()) * 1000`.as("waits_ms"))
    .executeTakeFirst();
  if (row === undefined) return { kind: "unknown" };
  // One that is paused waits for no queue: whoever has it go on rings anew.
  const isPaused = row.state === "queued" && row.step === PAUSED_STEP;
  if (isFinished(row.state) || row.children !== null || isPaused) return { kind: "finished" };
  const retryInMs = row.state === "queued" ? Math.max(Number(row.waits_ms), 0) : input.leaseMs / 2;
  return { kind: "not-yet", retryInMs: Math.ceil(retryInMs) + 10 };
}

/** The WHERE that every write under a claim carries. One that has become a run is nobody's any more. */
export function underClaim(ctx: TenancyContext, claim: Claim) {
  return ctx.control
    .updateTable("operations")
    .where("id", "=", claim.operationId)
    .where("attempts", "=", claim.attempt)
    .where("state", "=", "running")
    .where("children", "is", null);
}

export type Standing = "valid" | "lost" | "cancel-requested";

/** Does the claim still hold, and is the work still wanted? */
export async function claimStanding(ctx: TenancyContext, claim: Claim): Promise<Standing> {
  const row = await ctx.control
    .selectFrom("operations")
    .select("cancel_requested_at")
    .where("id", "=", claim.operationId)
    .where("attempts", "=", claim.attempt)
    .where("state", "=", "running")
    .where("children", "is", null)
    .executeTakeFirst();
  if (row === undefined) return "lost";
  return row.cancel_requested_at === null ? "valid" : "cancel-requested";
}

/** A sign of life. False when the claim is lost. */
export async function renewClaim(ctx: TenancyContext, claim: Claim): Promise<boolean> {
  const result = await underClaim(ctx, claim).set({ heartbeat_at: sql<Date>`now()` }).executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** Shows how far it is. Nothing happens when the claim is lost. */
export async function recordProgress(
  ctx: TenancyContext,
  claim: Claim,
  progress: OperationProgress,
): Promise<void> {
  await underClaim(ctx, claim)
    .set({ ...progress, heartbeat_at: sql<Date>`now()` })
    .execute();
}
