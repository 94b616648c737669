import { setTimeout as wait } from "node:timers/promises";
import { acceptOperation } from "../accept-operation.ts";
import { insertBackup } from "../backup/order-backup.ts";
import type { TenancyContext } from "../context.ts";
import { type StoredError, TenancyError } from "../errors.ts";
import type { Caller } from "../idempotency.ts";
import { isFinished } from "../operation-state.ts";
import { performOperation } from "../perform-operation.ts";

/** Long enough for a heartbeat of a busy process. Milliseconds. */
const LEASE_MS = 15_000;
const MAX_ATTEMPTS = 5;
const POLL_MS = 200;
const SILENT = { progress: async () => undefined, log: async () => undefined };

/**
 * Backs the control data up here and now, as an operation like any other: should this process die, a worker finishes it.
 *
 * @throws TenancyError that the operation has failed with, or STATE_CONFLICT when somebody has canceled it.
 */
export async function backUpControl(ctx: TenancyContext, caller: Caller, worker: string): Promise<void> {
  const { answer } = await acceptOperation(
    ctx,
    {
      kind: "backup",
      input: { control: true },
      lock: async () => undefined,
      check: async () => ({ licenseId: null }),
      prepare: async (transaction, operationId) => ({
        backup: await insertBackup(transaction, {
          operationId,
          kind: "control",
          licenseId: null,
          licenseKey: null,
        }),
      }),
    },
    { actor: caller.actor, apiKeyId: null, idempotency: null },
  );
  const operationId = answer.operation.id;
  for (;;) {
    const outcome = await performOperation(ctx, {
      operationId,
      worker,
      leaseMs: LEASE_MS,
      maxAttempts: MAX_ATTEMPTS,
      sink: SILENT,
    });
    const { state, error } = await ctx.control
      .selectFrom("operations")
      .select(["state", "error"])
      .where("id", "=", operationId)
      .executeTakeFirstOrThrow();
    if (state === "succeeded") return;
    if (isFinished(state)) throw asError(error as StoredError | null);
    // A worker may have it, or its next attempt waits.
    await wait(outcome.kind === "not-yet" ? Math.max(outcome.retryInMs, POLL_MS) : POLL_MS);
  }
}

function asError(error: StoredError | null): TenancyError {
  if (error === null) {
    return new TenancyError("STATE_CONFLICT", "The backup of the control data was canceled.", {
      hint: "Ask for the same again.",
    });
  }
  return new TenancyError(error.code, error.detail, { hint: error.hint });
}
