import { SQLSTATE, sqlState } from "@tenantry/schema";
import type { TenancyContext } from "../context.ts";
import { assertKeyUnused, assertSameRequest, type Caller, orKeyReused } from "../idempotency.ts";
import { retryQuarantine } from "./retry-quarantine.ts";
import type { RetryQuarantineInput, RetryQuarantineOutcome } from "./retry-quarantine-request.ts";

export interface QuarantineRetry {
  readonly outcome: RetryQuarantineOutcome;
  readonly replayed: boolean;
}

/**
 * Imports rows out of quarantine (see `retryQuarantine`) and puts it on the run's record; a request under the same
 * idempotency key gets the first answer again. Should the process end between the rows and the record, a repetition is
 * answered by what it finds: rows that were imported are not imported again.
 *
 * @throws TenancyError OPERATION_NOT_FOUND; IDEMPOTENCY_KEY_REUSED when the caller's key was used for another request; and
 * what `retryQuarantine` throws.
 */
export async function retryQuarantineOnce(
  ctx: TenancyContext,
  runId: string,
  input: RetryQuarantineInput,
  caller: Caller,
): Promise<QuarantineRetry> {
  const earlier = await findRetry(ctx, caller);
  if (earlier !== null) return earlier;
  await assertKeyUnused(ctx.control, caller);
  const outcome = await retryQuarantine(ctx, runId, input, caller.actor);
  try {
    await record(ctx, runId, outcome, caller);
    return { outcome, replayed: false };
  } catch (error) {
    const winner = sqlState(error) === SQLSTATE.uniqueViolation ? await findRetry(ctx, caller) : null;
    if (winner === null) throw orKeyReused(error);
    return winner;
  }
}

async function record(
  ctx: TenancyContext,
  runId: string,
  outcome: RetryQuarantineOutcome,
  caller: Caller,
): Promise<void> {
  const { imported, refused } = outcome;
  await ctx.control
    .insertInto("operation_events")
    .values({
      operation_id: runId,
      type: "retried",
      actor: caller.actor,
      data: JSON.stringify({ quarantine: { imported, refused: refused.length } }),
      answer: caller.idempotency === null ? null : JSON.stringify(outcome),
      api_key_id: caller.idempotency === null ? null : caller.apiKeyId,
      idempotency_key: caller.idempotency?.key ?? null,
      request_hash: caller.idempotency?.requestHash ?? null,
    })
    .execute();
}

async function findRetry(ctx: TenancyContext, caller: Caller): Promise<QuarantineRetry | null> {
  if (caller.idempotency === null || caller.apiKeyId === null) return null;
  const event = await ctx.control
    .selectFrom("operation_events")
    .select(["request_hash", "answer"])
    .where("api_key_id", "=", caller.apiKeyId)
    .where("idempotency_key", "=", caller.idempotency.key)
    .executeTakeFirst();
  if (event === undefined) return null;
  assertSameRequest(event.request_hash, caller.idempotency);
  return { outcome: event.answer as RetryQuarantineOutcome, replayed: true };
}
