import { type OutboxEntry, outboxEntry, type TenancyContext } from "@tenantry/tenancy";
import { type OperationQueues, QueueUnavailableError } from "./operation-queues.ts";

/**
 * Rings the bell for an operation that was just committed. A queue that is away is no failure: the operation is accepted,
 * and the dispatcher will ring for it.
 *
 * Nobody notes that it rang: as a rule a worker has the operation a moment later, and for the others the dispatcher
 * looks once, many at a time.
 */
export async function announceNew(
  ctx: TenancyContext,
  queues: OperationQueues,
  entry: OutboxEntry,
): Promise<void> {
  await ring(ctx, entry.id, () => queues.enqueue(entry));
}

/**
 * Rings again for an operation that was put back: it has left a finished job behind, which a plain add would take for
 * the one to come.
 */
export async function announceAgain(ctx: TenancyContext, queues: OperationQueues, id: string): Promise<void> {
  const entry = await outboxEntry(ctx, id);
  if (entry !== null) await ring(ctx, id, () => queues.ensureEnqueued(entry));
}

/** Takes a canceled operation's job off the queue; left there, it would only find that there is nothing to do. */
export async function withdraw(
  ctx: TenancyContext,
  queues: OperationQueues,
  operation: { readonly id: string; readonly kind: OutboxEntry["kind"] },
): Promise<void> {
  try {
    await queues.discard(operation.kind, operation.id);
  } catch (error) {
    if (!(error instanceof QueueUnavailableError)) throw error;
    ctx.log.warn({ err: error, operationId: operation.id }, "queue away, a canceled job stays on it");
  }
}

async function ring(ctx: TenancyContext, operationId: string, put: () => Promise<void>): Promise<void> {
  try {
    await put();
  } catch (error) {
    if (!(error instanceof QueueUnavailableError)) throw error;
    ctx.log.warn({ err: error, operationId }, "queue away, the dispatcher will enqueue it");
  }
}
