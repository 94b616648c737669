import type { ControlDatabase, OperationEventType } from "@tenantry/schema";
import { SQLSTATE, sqlState } from "@tenantry/schema";
import { sql } from "kysely";
import type { TenancyContext } from "./context.ts";
import { type StoredError, TenancyError } from "./errors.ts";
import { assertKeyUnused, assertSameRequest, type Caller, orKeyReused } from "./idempotency.ts";
import { isFinished, nextOperationState } from "./operation-state.ts";
import { type LabelledOperationRow, type Operation, toOperation } from "./operation-view.ts";
import { getOperationRow, labelledOperations } from "./operations.ts";
import { cancelRun, lockRun, retryRun } from "./run-control.ts";
import { nextTenantState } from "./tenant-state.ts";

export interface OperationChange {
  readonly operation: Operation;
  readonly replayed: boolean;
}

/**
 * Puts a failed or canceled operation back, to be done again; of a run, its failed and canceled children. The caller
 * enqueues it.
 *
 * @throws TenancyError OPERATION_NOT_FOUND; STATE_CONFLICT when it is not finished, has succeeded, or was refused.
 */
export function retryOperation(ctx: TenancyContext, id: string, caller: Caller): Promise<OperationChange> {
  return change(ctx, id, caller, async (transaction, row) => {
    if (row.children !== null) {
      await retryRun(transaction, row);
      return "retried";
    }
    if (nextOperationState(row.state, "retry") === undefined) {
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
    await setTenant(transaction, row, "provisioning-retried");
    await transaction
      .updateTable("operations")
      .set({
        state: "queued",
        attempts_before: sql<number>`attempts`,
        error: null,
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
 * @throws TenancyError OPERATION_NOT_FOUND; STATE_CONFLICT when it is finished.
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

/** Ends an operation as canceled; its tenant counts as failed, and a retry makes it after all. */
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
  await setTenant(transaction, row, "provisioning-failed");
}

/** Moves the tenant that a create-tenant operation is about; other kinds have their own rules. */
export async function setTenant(
  transaction: ControlDatabase,
  row: Pick<LabelledOperationRow, "kind" | "license_id">,
  event: "provisioning-failed" | "provisioning-retried",
): Promise<void> {
  if (row.kind !== "create-tenant" || row.license_id === null) return;
  const from = event === "provisioning-failed" ? "provisioning" : "failed";
  const to = nextTenantState(from, event);
  if (to === undefined) return;
  await transaction
    .updateTable("tenants")
    .set({ state: to })
    .where("license_id", "=", row.license_id)
    .where("state", "=", from)
    .execute();
}

/** Locks the operation, makes the change and its event in one commit, or answers a repeated request as before. */
async function change(
  ctx: TenancyContext,
  id: string,
  caller: Caller,
  apply: (transaction: ControlDatabase, row: LabelledOperationRow) => Promise<OperationEventType>,
): Promise<OperationChange> {
  const isRun = (await getOperationRow(ctx, id)).children !== null;
  try {
    return await ctx.control.transaction().execute(async (transaction) => {
      const locked = await lockOperation(transaction, id, isRun);
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
  } catch (error) {
    const winner =
      sqlState(error) === SQLSTATE.uniqueViolation ? await findEarlier(ctx.control, caller) : null;
    if (winner !== null) return winner;
    throw orKeyReused(error);
  }
}

async function findEarlier(control: ControlDatabase, caller: Caller): Promise<OperationChange | null> {
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
