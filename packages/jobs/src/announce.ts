import {
  markEnqueued,
  neverEnqueuedChildren,
  type Operation,
  type OutboxEntry,
  outboxEntry,
  type TenancyContext,
} from "@tenantry/tenancy";
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
 * the one to come. A run's children are left to the dispatcher, which does the same for many.
 */
export async function announceAgain(ctx: TenancyContext, queues: OperationQueues, id: string): Promise<void> {
  const entry = await outboxEntry(ctx, id);
  if (entry !== null) await ring(ctx, id, () => queues.ensureEnqueued(entry));
}

/** Children enqueued by one call: few enough that the queue answers in time. */
const CHILDREN_AT_ONCE = 200;

/** Rings for the children of a run that was just committed. Where the queue is away, the dispatcher will ring. */
export async function announceChildren(
  ctx: TenancyContext,
  queues: OperationQueues,
  runId: string,
): Promise<void> {
  await ring(ctx, runId, async () => {
    for (;;) {
      const entries = await neverEnqueuedChildren(ctx, runId, CHILDREN_AT_ONCE);
      if (entries.length === 0) return;
      await queues.enqueueAll(entries);
      // Also where the next batch begins. What a worker has taken meanwhile waits no longer, and isn't asked for again.
      await markEnqueued(
        ctx,
        entries.map(({ id }) => id),
      );
    }
  });
}

/**
 * Takes a canceled operation's job off the queue; left there, it would only find that there is nothing to do, as those of
 * a canceled run's children do.
 */
export async function withdraw(
  ctx: TenancyContext,
  queues: OperationQueues,
  operation: Pick<Operation, "id" | "kind" | "children">,
): Promise<void> {
  if (operation.children !== undefined) return;
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
