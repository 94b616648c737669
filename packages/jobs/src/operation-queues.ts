import type { OperationKind } from "@tenantry/schema";
import type { OutboxEntry } from "@tenantry/tenancy";
import type { JobsOptions } from "bullmq";
import type { Logger } from "pino";
import {
  CHILD_PRIORITY,
  DELIVERY_ATTEMPTS,
  DELIVERY_BACKOFF_MS,
  JOB_CATALOGUE,
  KEEP_JOBS,
  type OperationJobData,
} from "./catalogue.ts";
import { MaintenanceQueue } from "./maintenance-queue.ts";
import { connectQueues, type OperationQueue, type QueueConnection, type QueueStore } from "./store.ts";

/** The queue didn't answer in time, or isn't there. What was accepted stays accepted. */
export class QueueUnavailableError extends Error {
  readonly code = "QUEUE_UNAVAILABLE";
  override readonly name = "QueueUnavailableError";
}

export interface OperationQueuesOptions {
  readonly store: QueueStore;
  readonly applicationName: string;
  readonly log: Logger;
}

/** How long the queue may take to answer, in milliseconds. */
const ANSWER_TIMEOUT_MS = 3_000;
/** How long a start waits for it, in milliseconds. */
const CONNECT_GRACE_MS = 1_500;

/** The queues, from the side that puts jobs on them: one for each kind of operation. */
export class OperationQueues {
  readonly store: QueueStore;
  readonly maintenance: MaintenanceQueue;
  readonly #connection: QueueConnection;
  readonly #queues = new Map<OperationKind, OperationQueue>();
  readonly #log: Logger;
  #lastError = "";

  constructor(options: OperationQueuesOptions) {
    this.store = options.store;
    this.#log = options.log;
    const onError = (error: Error): void => this.#logOnce(error);
    this.#connection = connectQueues(options.store, `${options.applicationName}-queue`, onError);
    for (const definition of JOB_CATALOGUE) {
      const queue: OperationQueue = this.#connection.openQueue(definition.kind, {
        defaultJobOptions: {
          attempts: DELIVERY_ATTEMPTS,
          backoff: { type: "fixed", delay: DELIVERY_BACKOFF_MS },
          removeOnComplete: { age: definition.keepSeconds, count: KEEP_JOBS },
          removeOnFail: { age: definition.keepSeconds, count: KEEP_JOBS },
        },
      });
      queue.on("error", onError);
      this.#queues.set(definition.kind, queue);
    }
    this.maintenance = new MaintenanceQueue(this.#connection, onError);
  }

  /** Waits for the first connection, but not for long: work goes on without the queue. */
  async connect(): Promise<void> {
    const ready = Promise.all(this.all.map((queue) => queue.waitUntilReady()));
    await withDeadline(ready, CONNECT_GRACE_MS).catch((error: unknown) =>
      this.#log.warn({ err: error }, "queue not reachable yet"),
    );
  }

  /** The BullMQ queues of operations, for the dashboard. */
  get all(): readonly OperationQueue[] {
    return [...this.#queues.values()];
  }

  /**
   * Puts an operation's job on its queue. Nothing happens when the queue holds one, finished or not.
   *
   * @throws QueueUnavailableError
   */
  async enqueue(entry: OutboxEntry): Promise<void> {
    const queue = this.#queue(entry.kind);
    await this.#ask(() => queue.add(entry.kind, jobData(entry), jobOptions(entry)));
  }

  /**
   * Puts many operations' jobs on their queues, each queue's in one call. Nothing happens for one that the queue holds.
   *
   * @throws QueueUnavailableError
   */
  async enqueueAll(entries: readonly OutboxEntry[]): Promise<void> {
    for (const [kind, its = []] of Object.entries(Object.groupBy(entries, (entry) => entry.kind))) {
      const queue = this.#queue(kind as OperationKind);
      const jobs = its.map((entry) => ({ name: kind, data: jobData(entry), opts: jobOptions(entry) }));
      await this.#ask(() => queue.addBulk(jobs));
    }
  }

  /**
   * Sees to it that the queue will deliver an unfinished operation's job: adds it when it isn't there, and in place of
   * one that has ended. Leaves one alone that waits or is being worked on.
   *
   * @throws QueueUnavailableError
   */
  async ensureEnqueued(entry: OutboxEntry): Promise<void> {
    const queue = this.#queue(entry.kind);
    const job = await this.#ask(() => queue.getJob(entry.id));
    if (job !== undefined) {
      const state = await this.#ask(() => job.getState());
      if (state !== "completed" && state !== "failed" && state !== "unknown") return;
      await this.#ask(() => job.remove());
    }
    await this.enqueue(entry);
  }

  /**
   * Takes an operation's job off the queue unless a worker has it.
   *
   * @throws QueueUnavailableError
   */
  async discard(kind: OperationKind, operationId: string): Promise<void> {
    const job = await this.#ask(() => this.#queue(kind).getJob(operationId));
    if (job === undefined || (await this.#ask(() => job.isActive()))) return;
    await this.#ask(() => job.remove());
  }

  /**
   * Asks the queue's store for a sign of life.
   *
   * @throws QueueUnavailableError
   */
  async ping(): Promise<void> {
    const [queue] = this.all;
    if (queue !== undefined) await this.#ask(() => queue.getJobCountByTypes("waiting"));
  }

  async close(): Promise<void> {
    const queues = [...this.all, this.maintenance.queue];
    for (const close of [
      () => Promise.all(queues.map((queue) => queue.close())),
      () => this.#connection.close(),
    ]) {
      await withDeadline<unknown>(close(), CONNECT_GRACE_MS).catch((error: unknown) =>
        this.#log.warn({ err: error }, "queues not closed cleanly"),
      );
    }
  }

  #queue(kind: OperationKind): OperationQueue {
    const queue = this.#queues.get(kind);
    if (queue === undefined) throw new Error(`no queue for operations of kind ${kind}`);
    return queue;
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    if (!this.#connection.isReachable()) {
      throw new QueueUnavailableError("the queue is not reachable");
    }
    try {
      return await withDeadline(question(), ANSWER_TIMEOUT_MS);
    } catch (error) {
      if (error instanceof QueueUnavailableError) throw error;
      throw new QueueUnavailableError("the queue refused or lost the request", { cause: error });
    }
  }

  /** A store that is away says so many times a second. */
  #logOnce(error: Error): void {
    if (error.message === this.#lastError) return;
    this.#lastError = error.message;
    this.#log.warn({ err: error }, "queue connection trouble");
  }
}

async function withDeadline<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => timeout.reject(new QueueUnavailableError("the queue did not answer in time")),
    milliseconds,
  );
  try {
    return await Promise.race([work, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function jobData(entry: OutboxEntry): OperationJobData {
  return {
    operationId: entry.id,
    licenseKey: entry.licenseKey,
    client: entry.clientName,
    schema: entry.schema,
    ...(entry.runId === null ? {} : { run: entry.runId }),
  };
}

function jobOptions(entry: OutboxEntry): JobsOptions {
  return {
    jobId: entry.id,
    ...(entry.delayMs > 0 ? { delay: entry.delayMs } : {}),
    ...(entry.runId === null ? {} : { priority: CHILD_PRIORITY }),
  };
}
