import { randomUUIDv7 } from "node:crypto";
import { type ControlDatabase, type OperationKind, SQLSTATE, sqlState } from "@tenantry/schema";
import type { TenancyContext } from "./context.ts";
import { TenancyError } from "./errors.ts";
import { assertKeyUnused, assertSameRequest, type Caller, orKeyReused } from "./idempotency.ts";
import { toOperation } from "./operation-view.ts";
import { labelledOperations } from "./operations.ts";
import { type OutboxEntry, outboxEntry } from "./outbox.ts";
import type { RunAnswer } from "./run.ts";

/** One operation that was accepted, with what is said of it beside. */
export interface WorkOutcome<A extends RunAnswer> {
  readonly answer: A;
  /** True when the same request had been accepted before: nothing was done now. */
  readonly replayed: boolean;
  /** What the queue has to be told; null when there is nothing to ring for. */
  readonly entry: OutboxEntry | null;
}

export interface WorkOrder<L, B extends object> {
  readonly kind: OperationKind;
  /** Nothing secret. */
  readonly input: Record<string, unknown>;
  /** Locks what the work is about, so that equal requests come one after the other. */
  readonly lock: (transaction: ControlDatabase) => Promise<L>;
  /** Refuses what can't be, and says whose the operation is to be. */
  readonly check: (transaction: ControlDatabase, locked: L) => Promise<{ readonly licenseId: string | null }>;
  /** Writes what belongs to the operation, which is there already; what it returns is told beside it. */
  readonly prepare: (transaction: ControlDatabase, operationId: string, locked: L) => Promise<B>;
}

/**
 * Accepts one operation in one commit. The caller rings for it.
 *
 * @throws TenancyError IDEMPOTENCY_KEY_REUSED, and what `lock`, `check` and `prepare` throw.
 */
export async function acceptOperation<L, B extends object>(
  ctx: TenancyContext,
  order: WorkOrder<L, B>,
  caller: Caller,
): Promise<WorkOutcome<RunAnswer & B>> {
  try {
    const accepted = await ctx.control
      .transaction()
      .execute((transaction) => accept(transaction, order, caller));
    return {
      ...accepted,
      entry: accepted.replayed ? null : await outboxEntry(ctx, accepted.answer.operation.id),
    };
  } catch (error) {
    // The same request may have been accepted while we looked: its key is then taken, and by no other request.
    const isTaken =
      sqlState(error) === SQLSTATE.uniqueViolation ||
      (error instanceof TenancyError && error.code === "IDEMPOTENCY_KEY_REUSED");
    const winner = isTaken ? await findAccepted<B>(ctx.control, caller) : null;
    if (winner === null) throw orKeyReused(error);
    return { ...winner, entry: null };
  }
}

type Accepted<B> = Omit<WorkOutcome<RunAnswer & B>, "entry">;

async function accept<L, B extends object>(
  transaction: ControlDatabase,
  order: WorkOrder<L, B>,
  caller: Caller,
): Promise<Accepted<B>> {
  const locked = await order.lock(transaction);
  // Asked under the lock: the same request at the same moment has either committed by now or comes after us.
  const earlier = await findAccepted<B>(transaction, caller);
  if (earlier !== null) return earlier;
  await assertKeyUnused(transaction, caller);
  const { licenseId } = await order.check(transaction, locked);
  const id = randomUUIDv7();
  await transaction
    .insertInto("operations")
    .values({
      id,
      kind: order.kind,
      state: "queued",
      license_id: licenseId,
      api_key_id: caller.apiKeyId,
      idempotency_key: caller.idempotency?.key ?? null,
      request_hash: caller.idempotency?.requestHash ?? null,
      message: "Waiting for a worker",
      input: JSON.stringify(order.input),
    })
    .execute();
  await transaction
    .insertInto("operation_events")
    .values({ operation_id: id, type: "accepted", actor: caller.actor })
    .execute();
  const beside = await order.prepare(transaction, id, locked);
  const row = await labelledOperations(transaction).where("operations.id", "=", id).executeTakeFirstOrThrow();
  const answer = { operation: toOperation(row), ...beside };
  await transaction
    .updateTable("operations")
    .set({ answer: JSON.stringify(answer) })
    .where("id", "=", id)
    .execute();
  return { answer, replayed: false };
}

async function findAccepted<B>(control: ControlDatabase, caller: Caller): Promise<Accepted<B> | null> {
  if (caller.idempotency === null || caller.apiKeyId === null) return null;
  const operation = await control
    .selectFrom("operations")
    .select(["request_hash", "answer"])
    .where("api_key_id", "=", caller.apiKeyId)
    .where("idempotency_key", "=", caller.idempotency.key)
    .executeTakeFirst();
  if (operation === undefined) return null;
  assertSameRequest(operation.request_hash, caller.idempotency);
  return { answer: operation.answer as RunAnswer & B, replayed: true };
}
