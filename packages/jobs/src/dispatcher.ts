import {
  markEnqueued,
  maybeLost,
  neverEnqueued,
  type OutboxEntry,
  type TenancyContext,
} from "@tenantry/tenancy";
import { type OperationQueues, QueueUnavailableError } from "./operation-queues.ts";

export interface DispatcherOptions {
  /** How often to look for operations that were never enqueued. Milliseconds. */
  readonly intervalMs: number;
  /** How long the queue is trusted to hold a job before it is looked for. Milliseconds. */
  readonly recheckMs: number;
  /** A worker silent for so long counts as dead. Milliseconds. */
  readonly leaseMs: number;
}

const BATCH = 200;

/**
 * Keeps the queue true to the operations: enqueues what was committed and never enqueued, and again what the queue has
 * lost. Any number may run; they only repeat each other.
 */
export class Dispatcher {
  readonly #ctx: TenancyContext;
  readonly #queues: OperationQueues;
  readonly #options: DispatcherOptions;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  #stopped = false;

  constructor(ctx: TenancyContext, queues: OperationQueues, options: DispatcherOptions) {
    this.#ctx = ctx;
    this.#queues = queues;
    this.#options = options;
  }

  start(waitMs = this.#options.intervalMs): void {
    this.#timer = setTimeout(() => {
      this.#round = this.#run().then((more) => {
        if (!this.#stopped) this.start(more ? 0 : this.#options.intervalMs);
      });
    }, waitMs);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#round;
  }

  /** True when there may be more to enqueue at once: after a run was retried, or the queue was emptied. */
  async #run(): Promise<boolean> {
    try {
      return (await this.#dispatch()).fresh === BATCH;
    } catch (error) {
      // PostgreSQL or the queue is away. Both are looked for again in the next round.
      this.#ctx.log.warn({ err: error }, "dispatcher round failed");
      return false;
    }
  }

  /** One round. Returns how many operations were put on the queue. */
  async dispatchOnce(): Promise<number> {
    const { fresh, lost } = await this.#dispatch();
    return fresh + lost;
  }

  async #dispatch(): Promise<{ fresh: number; lost: number }> {
    const fresh = await neverEnqueued(this.#ctx, BATCH);
    const lost = await maybeLost(this.#ctx, { ...this.#options, limit: BATCH });
    return { fresh: await this.#ensure(fresh), lost: await this.#ensure(lost) };
  }

  async #ensure(entries: readonly OutboxEntry[]): Promise<number> {
    if (entries.length === 0) return 0;
    const results = await Promise.allSettled(entries.map((entry) => this.#queues.ensureEnqueued(entry)));
    const done = entries.filter((_, index) => results[index]?.status === "fulfilled");
    await markEnqueued(
      this.#ctx,
      done.map((entry) => entry.id),
    );
    const failure = results.find((result) => result.status === "rejected");
    if (failure !== undefined) {
      if (!(failure.reason instanceof QueueUnavailableError)) throw failure.reason;
      this.#ctx.log.warn(
        { err: failure.reason, waiting: entries.length - done.length },
        "queue away, jobs wait",
      );
    }
    return done.length;
  }
}
