import { isConnectionLoss, isTransient, type OperationKind } from "@tenantry/schema";
import { sql } from "kysely";
import { backUp } from "./backup/perform-backup.ts";
import { restoreBackup } from "./backup/perform-restore.ts";
import { verifyBackup } from "./backup/verify-backup.ts";
import { changeLicenseOfRun } from "./change-license-of-run.ts";
import { type Claim, claimOperation, claimStanding, renewClaim, underClaim } from "./claim.ts";
import type { TenancyContext } from "./context.ts";
import { createTenant } from "./create-tenant.ts";
import { deleteTenant } from "./delete-tenant.ts";
import { type StoredError, TenancyError } from "./errors.ts";
import { performFleet } from "./fleet/perform-fleet.ts";
import { migrateLegacyWork } from "./legacy/migrate-legacy-work.ts";
import { markCanceled } from "./operation-control.ts";
import { giveTenantUp } from "./operation-tenant.ts";
import type { LabelledOperationRow, OperationProgress } from "./operation-view.ts";
import type { OperationHandler, WorkResult } from "./operation-work.ts";
import { moveTenant } from "./placement/move-tenant.ts";
import { ProgressReporter, type ProgressSink } from "./progress-reporter.ts";

const HANDLERS: Partial<Record<OperationKind, OperationHandler>> = {
  "create-tenant": createTenant,
  "change-license": changeLicenseOfRun,
  "delete-tenant": deleteTenant,
  "migrate-legacy": migrateLegacyWork,
  backup: backUp,
  "verify-backup": verifyBackup,
  "move-tenant": moveTenant,
  restore: restoreBackup,
  "migrate-fleet": performFleet,
};

export interface PerformInput {
  readonly operationId: string;
  /** Who works: host, process, and what else tells it apart. */
  readonly worker: string;
  /** A worker silent for so long counts as dead. Milliseconds. */
  readonly leaseMs: number;
  /** Retryable trouble ends the operation after so many attempts. */
  readonly maxAttempts: number;
  readonly sink: ProgressSink;
}

export type PerformOutcome =
  | {
      readonly kind:
        | "succeeded"
        | "handed-on"
        | "paused"
        | "canceled"
        | "superseded"
        | "finished-before"
        | "unknown";
    }
  | { readonly kind: "failed"; readonly error: StoredError }
  | { readonly kind: "not-yet"; readonly retryInMs: number; readonly reason: string };

const READY = { percent: 100, step: "ready", message: "Done", done: 0, total: 0 };

/** Waits grow from one second to a minute. */
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

/**
 * Performs an operation, once the queue has rung for it. What it comes to is in the operation's row before this returns.
 *
 * @throws only when the control database can't be reached or a defect shows; the queue then rings again.
 */
export async function performOperation(ctx: TenancyContext, input: PerformInput): Promise<PerformOutcome> {
  const claimed = await claimOperation(ctx, input);
  if (claimed.kind === "finished") return { kind: "finished-before" };
  if (claimed.kind === "unknown") return { kind: "unknown" };
  if (claimed.kind === "not-yet") return { ...claimed, reason: "it waits, or another worker has it" };

  const { claim, operation } = claimed;
  const handler = HANDLERS[operation.kind];
  if (handler === undefined) throw new Error(`no handler for operations of kind ${operation.kind}`);
  const reporter = new ProgressReporter(ctx, claim, input.sink);
  const heartbeat = setInterval(() => {
    renewClaim(ctx, claim).catch((error: unknown) =>
      ctx.log.warn({ err: error, operationId: claim.operationId }, "heartbeat not recorded"),
    );
  }, input.leaseMs / 3);
  try {
    const result = await handler(ctx, {
      operation,
      claim,
      report: (progress) => reporter.report(progress),
    });
    if (result.kind === "canceled") await cancelUnderClaim(ctx, claim, operation, input.worker);
    await reporter.end(lastOf(result));
    return result;
  } catch (error) {
    await reporter.end();
    return await settleFailure(ctx, claim, operation, input, error);
  } finally {
    clearInterval(heartbeat);
  }
}

function lastOf(result: WorkResult): OperationProgress | undefined {
  if (result.kind === "handed-on" || result.kind === "paused") return result.last;
  return result.kind === "succeeded" ? (result.last ?? READY) : undefined;
}

async function settleFailure(
  ctx: TenancyContext,
  claim: Claim,
  operation: LabelledOperationRow,
  input: PerformInput,
  error: unknown,
): Promise<PerformOutcome> {
  const log = ctx.log.child({ operationId: claim.operationId, licenseKey: operation.license_key });
  // The control database itself is away: nothing can be recorded, so the queue has to ring again.
  if (!(error instanceof TenancyError) && isConnectionLoss(error)) throw error;
  const { retryable, ...stored } = describe(error);
  const attempt = claim.attempt - operation.attempts_before;
  if (retryable && (await claimStanding(ctx, claim)) === "cancel-requested") {
    log.warn({ err: error }, "operation is called off rather than tried again");
    await cancelUnderClaim(ctx, claim, operation, input.worker);
    return { kind: "canceled" };
  }
  if (retryable && attempt < input.maxAttempts) {
    const retryInMs = Math.min(FIRST_RETRY_MS * 2 ** (attempt - 1), LONGEST_RETRY_MS);
    log.warn({ err: error, retryInMs }, "operation will be tried again");
    return requeue(ctx, claim, input.worker, stored, retryInMs);
  }
  log.error({ err: error }, "operation failed");
  return fail(ctx, claim, operation, input.worker, stored);
}

function describe(error: unknown): StoredError & { readonly retryable: boolean } {
  if (error instanceof TenancyError) {
    const { code, message, hint, retryable, faults } = error;
    return { code, detail: message, hint, retryable, ...(faults.length > 0 ? { faults } : {}) };
  }
  if (isTransient(error)) {
    return {
      code: "UNAVAILABLE",
      detail: "PostgreSQL is busy; the work will be tried again.",
      hint: "Nothing to do unless it lasts: see what PostgreSQL is busy with.",
      retryable: true,
    };
  }
  return {
    code: "INTERNAL",
    detail: "A defect in Tenantry or its blueprint.",
    hint: "See the worker's log.",
    retryable: false,
  };
}

async function requeue(
  ctx: TenancyContext,
  claim: Claim,
  worker: string,
  error: StoredError,
  retryInMs: number,
): Promise<PerformOutcome> {
  return ctx.control.transaction().execute(async (transaction) => {
    const changed = await underClaim({ ...ctx, control: transaction }, claim)
      .set({
        state: "queued",
        worker: null,
        heartbeat_at: null,
        available_at: sql<Date>`now() + ${retryInMs} * interval '1 millisecond'`,
        message: `${error.detail} Next attempt in ${Math.ceil(retryInMs / 1000)} s`,
      })
      .executeTakeFirst();
    if (changed.numUpdatedRows === 0n) return { kind: "superseded" };
    await transaction
      .insertInto("operation_events")
      .values({
        operation_id: claim.operationId,
        type: "retrying",
        actor: `worker:${worker}`,
        data: JSON.stringify({ attempt: claim.attempt, error, retryInMs }),
      })
      .execute();
    return { kind: "not-yet", retryInMs, reason: error.detail };
  });
}

async function fail(
  ctx: TenancyContext,
  claim: Claim,
  operation: LabelledOperationRow,
  worker: string,
  error: StoredError,
): Promise<PerformOutcome> {
  return ctx.control.transaction().execute(async (transaction) => {
    const changed = await underClaim({ ...ctx, control: transaction }, claim)
      .set({
        state: "failed",
        finished_at: sql<Date>`now()`,
        message: error.detail,
        error: JSON.stringify(error),
      })
      .executeTakeFirst();
    if (changed.numUpdatedRows === 0n) return { kind: "superseded" };
    await giveTenantUp(transaction, operation);
    await transaction
      .insertInto("operation_events")
      .values({
        operation_id: claim.operationId,
        type: "failed",
        actor: `worker:${worker}`,
        data: JSON.stringify({ attempt: claim.attempt, error }),
      })
      .execute();
    return { kind: "failed", error };
  });
}

async function cancelUnderClaim(
  ctx: TenancyContext,
  claim: Claim,
  operation: LabelledOperationRow,
  worker: string,
): Promise<void> {
  await ctx.control.transaction().execute(async (transaction) => {
    const held = await underClaim({ ...ctx, control: transaction }, claim)
      .set({ heartbeat_at: sql<Date>`now()` })
      .executeTakeFirst();
    if (held.numUpdatedRows === 0n) return;
    await markCanceled(transaction, operation);
    await transaction
      .insertInto("operation_events")
      .values({ operation_id: operation.id, type: "canceled", actor: `worker:${worker}` })
      .execute();
  });
}
