import type { ControlDatabase, OperationEventType } from "@tenantry/schema";
import { SQLSTATE, sqlState } from "@tenantry/schema";
import { sql } from "kysely";
import { assertNotReplacing } from "./backup/replacement.ts";
import type { TenancyContext } from "./context.ts";
import { assertNotDropping } from "./deletion.ts";
import { type StoredError, TenancyError } from "./errors.ts";
import { retryFleet } from "./fleet/retry-fleet.ts";
import { assertKeyUnused, assertSameRequest, type Caller, orKeyReused } from "./idempotency.ts";
import { isFinished, nextOperationState } from "./operation-state.ts";
import { giveTenantUp, takeTenantUp } from "./operation-tenant.ts";
import { type LabelledOperationRow, type Operation, toOperation } from "./operation-view.ts";
import { getOperationRow, labelledOperations } from "./operations.ts";
import { assertNotSwitching } from "./placement/moving.ts";
import { cancelRun, lockRun, retryRun } from "./run-control.ts";

export interface OperationChange {
  readonly operation: Operation;
  readonly replayed: boolean;
}

/**
 * Puts a failed or canceled operation back, to be done again; of a run, its failed and canceled children. The caller
 * enqueues it.
 *
 * @throws TenancyError OPERATION_NOT_FOUND; STATE_CONFLICT when it is not finished, has succeeded, was refused, or its
 * tenant has moved on since.
 */
export function retryOperation(ctx: TenancyContext, id: string, caller: Caller): Promise<OperationChange> {
  return change(ctx, id, caller, async (transaction, row) => {
    if (row.children !== null) {
      await retryRun(transaction, row);
      return "retried";
    }
    if (row.kind === "migrate-fleet") await retryFleet(transaction, row);
    else if (nextOperationState(row.state, "retry") === undefined) {
      throw new TenancyError(
        "STATE_CONFLICT",
        `The operation is ${row.state}; only a failed or canceled one can be retried.`,
      );
    }
    if ((row.error as StoredError | null)?.code === "VALIDATION_FAILED") {
      throw new TenancyError(
        "STATE_CONFLICT",
        "The request was refused for its faults; nothing of it is kept.",
        {
          hint: "Correct it and send it again in a new request.",
        },
      );
    }
    await takeTenantUp(transaction, row);
    await transaction
      .updateTable("operations")
      .set({
        state: "queued",
        attempts_before: sql<number>`attempts`,
        error: null,
        result: null,
        finished_at: null,
        cancel_requested_at: null,
        worker: null,
        heartbeat_at: null,
        enqueued_at: null,
        available_at: sql<Date>`now()`,
        percent: 0,
        step: "queued",
        message: "Waiting for a worker",
      })
      .where("id", "=", row.id)
      .execute();
    return "retried";
  });
}

/**
 * Cancels an operation: at once while it waits, at its next safe point while it runs. What has been committed stays, so
 * an operation may still succeed after this. A run's children are canceled like that, each.
 *
 * @throws TenancyError OPERATION_NOT_FOUND; STATE_CONFLICT when it is finished, or is dropping a tenant.
 */
export function cancelOperation(ctx: TenancyContext, id: string, caller: Caller): Promise<OperationChange> {
  return change(ctx, id, caller, async (transaction, row) => {
    if (row.children !== null) {
      await cancelRun(transaction, row);
      return "cancel_requested";
    }
    if (isFinished(row.state)) {
      throw new TenancyError("STATE_CONFLICT", `The operation is already ${row.state}.`);
    }
    await assertNotDropping(transaction, row.id);
    await assertNotReplacing(transaction, row.id);
    await assertNotSwitching(transaction, row.id);
    if (row.state === "queued") {
      await markCanceled(transaction, row);
      return "canceled";
    }
    await transaction
      .updateTable("operations")
      .set({ cancel_requested_at: sql<Date>`now()`, message: "Cancellation requested" })
      .where("id", "=", row.id)
      .execute();
    return "cancel_requested";
  });
}

/** Ends an operation as canceled. A tenant that was to be made counts as failed, one that was to go is given back. */
export async function markCanceled(
  transaction: ControlDatabase,
  row: Pick<LabelledOperationRow, "id" | "kind" | "license_id">,
): Promise<void> {
  await transaction
    .updateTable("operations")
    .set({
      state: "canceled",
      finished_at: sql<Date>`now()`,
      step: "canceled",
      message: "Canceled",
      worker: null,
    })
    .where("id", "=", row.id)
    .execute();
  await giveTenantUp(transaction, row);
}

/** Locks the operation, makes the change and its event in one commit, or answers a repeated request as before. */
export async function change(
  ctx: TenancyContext,
  id: string,
  caller: Caller,
  apply: (transaction: ControlDatabase, row: LabelledOperationRow) => Promise<OperationEventType>,
): Promise<OperationChange> {
  const isRun = (await getOperationRow(ctx, id)).children !== null;
  try {
    const changed = await ctx.control.transaction().execute(async (transaction) => {
      const locked = await lockOperation(transaction, id, isRun);
      // It was planned, and became a run, a moment ago: runs are locked in another order.
      if (!isRun && locked.children !== null) return null;
      // Asked under the lock: the same request at the same moment has either committed by now or comes after us.
      const earlier = await findEarlier(transaction, caller);
      if (earlier !== null) return earlier;
      await assertKeyUnused(transaction, caller);
      const type = await apply(transaction, locked);
      const changed = toOperation(await lockOperation(transaction, id, isRun));
      await transaction
        .insertInto("operation_events")
        .values({
          operation_id: id,
          type,
          actor: caller.actor,
          answer: caller.idempotency === null ? null : JSON.stringify(changed),
          api_key_id: caller.idempotency === null ? null : caller.apiKeyId,
          idempotency_key: caller.idempotency?.key ?? null,
          request_hash: caller.idempotency?.requestHash ?? null,
        })
        .execute();
      return { operation: changed, replayed: false };
    });
    return changed ?? (await change(ctx, id, caller, apply));
  } catch (error) {
    const winner =
      sqlState(error) === SQLSTATE.uniqueViolation ? await findEarlier(ctx.control, caller) : null;
    if (winner !== null) return winner;
    throw orKeyReused(error);
  }
}

/** The answer to the same request when it came before, if it changed an operation. */
export async function findEarlier(control: ControlDatabase, caller: Caller): Promise<OperationChange | null> {
  if (caller.idempotency === null || caller.apiKeyId === null) return null;
  const event = await control
    .selectFrom("operation_events")
    .select(["request_hash", "answer"])
    .where("api_key_id", "=", caller.apiKeyId)
    .where("idempotency_key", "=", caller.idempotency.key)
    .executeTakeFirst();
  if (event === undefined) return null;
  assertSameRequest(event.request_hash, caller.idempotency);
  return { operation: event.answer as Operation, replayed: true };
}

async function lockOperation(
  transaction: ControlDatabase,
  id: string,
  isRun: boolean,
): Promise<LabelledOperationRow> {
  if (isRun) await lockRun(transaction, id);
  const query = labelledOperations(transaction).where("operations.id", "=", id);
  return (isRun ? query : query.forUpdate("operations")).executeTakeFirstOrThrow();
}
