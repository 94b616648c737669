import { randomUUIDv7 } from "node:crypto";
import { SQLSTATE, sqlState } from "@tenantry/schema";
import type { TenancyContext } from "../context.ts";
import { type Caller, orKeyReused } from "../idempotency.ts";
import { toOperation } from "../operation-view.ts";
import { labelledOperations } from "../operations.ts";
import type { OutboxEntry } from "../outbox.ts";
import { findAcceptedRun, type RunAnswer } from "../run.ts";
import type { LegacyMigrationInput } from "./legacy-migration-request.ts";
import { sourceRoot } from "./source-root.ts";

export interface MigrateLegacyOutcome {
  readonly answer: RunAnswer;
  /** True when the same request had been accepted before: nothing was done now. */
  readonly replayed: boolean;
  /** What the queue has to know to ring for it; null when it was told before. */
  readonly entry: OutboxEntry | null;
}

/**
 * Accepts a migration of legacy licenses: one operation, in one commit. A worker plans it, and then, unless it is a dry run,
 * makes a run of it with a child for each license. The caller enqueues the operation.
 *
 * A source that is looked for under LEGACY_DIR has to be there already; an operator's path is the worker's affair.
 *
 * @throws TenancyError SOURCE_NOT_FOUND, SOURCE_INVALID; IDEMPOTENCY_KEY_REUSED when the caller's key was used for another
 * request.
 */
export async function migrateLegacy(
  ctx: TenancyContext,
  input: LegacyMigrationInput,
  caller: Caller,
): Promise<MigrateLegacyOutcome> {
  if (input.root === "legacy-dir") await sourceRoot(ctx, input);
  try {
    return await accept(ctx, input, caller);
  } catch (error) {
    const winner =
      sqlState(error) === SQLSTATE.uniqueViolation ? await findAcceptedMigration(ctx, caller) : null;
    if (winner === null) throw orKeyReused(error);
    return winner;
  }
}

/**
 * The first answer to a request that is repeated, or null. To be asked before the request is looked at.
 *
 * @throws TenancyError IDEMPOTENCY_KEY_REUSED when the caller's key was used for another request.
 */
export async function findAcceptedMigration(
  ctx: TenancyContext,
  caller: Caller,
): Promise<MigrateLegacyOutcome | null> {
  const earlier = await findAcceptedRun(ctx, caller);
  return earlier === null ? null : { ...earlier, entry: null };
}

function accept(
  ctx: TenancyContext,
  input: LegacyMigrationInput,
  caller: Caller,
): Promise<MigrateLegacyOutcome> {
  const id = randomUUIDv7();
  return ctx.control.transaction().execute(async (transaction) => {
    await transaction
      .with("operation", (db) =>
        db.insertInto("operations").values({
          id,
          kind: "migrate-legacy",
          state: "queued",
          message: "Waiting for a worker",
          input: JSON.stringify(input),
          api_key_id: caller.apiKeyId,
          idempotency_key: caller.idempotency?.key ?? null,
          request_hash: caller.idempotency?.requestHash ?? null,
        }),
      )
      .insertInto("operation_events")
      .values({ operation_id: id, type: "accepted", actor: caller.actor })
      .execute();
    const row = await labelledOperations(transaction)
      .where("operations.id", "=", id)
      .executeTakeFirstOrThrow();
    const answer: RunAnswer = { operation: toOperation(row) };
    await transaction
      .updateTable("operations")
      .set({ answer: JSON.stringify(answer) })
      .where("id", "=", id)
      .execute();
    const entry: OutboxEntry = {
      id,
      kind: "migrate-legacy",
      licenseKey: null,
      clientName: null,
      schema: null,
      runId: null,
      delayMs: 0,
    };
    return { answer, replayed: false, entry };
  });
}
