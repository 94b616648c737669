import type { OperationKind } from "@tenantry/schema";
import { type PerformOutcome, performOperation, type TenancyContext } from "@tenantry/tenancy";
import { DelayedError, type Job, UnrecoverableError } from "bullmq";
import {
  JOB_CATALOGUE,
  type JobDefinition,
  type OperationJobData,
  type OperationJobResult,
} from "./catalogue.ts";
import { type Opened, type OperationWorker, openWorker, type QueueStore } from "./store.ts";

export interface OperationWorkersOptions {
  readonly store: QueueStore;
  readonly applicationName: string;
  /** Shown in operations and the dashboard. */
  readonly workerName: string;
  /** Tenants worked on at once. */
  readonly concurrency: number;
  /** A worker silent for so long counts as dead. Milliseconds. */
  readonly leaseMs: number;
  /** Told when the work of an operation has ended. */
  readonly onEnded: (kind: OperationKind) => void;
  /** Rings for the children of an operation that has become a run. */
  readonly announceChildren: (runId: string) => Promise<void>;
}

/** A crash must not use up a job's chances: its handler may run any number of times. */
const MAX_STALLED_COUNT = 1_000_000;
/** A reaction to a cancelled attempt or a held operation never comes sooner than this. Milliseconds. */
const MIN_DELAY_MS = 50;

/** How long to wait for the goodbye of a store that is away, when nothing is under way. Milliseconds. */
const GOODBYE_MS = 1_000;

/** The workers of one process: one BullMQ worker for each kind of operation. */
export class OperationWorkers {
  readonly #workers: Opened<OperationWorker>[];
  readonly #ctx: TenancyContext;
  #underWay = 0;

  constructor(ctx: TenancyContext, options: OperationWorkersOptions) {
    this.#ctx = ctx;
    this.#workers = JOB_CATALOGUE.map((definition) => {
      const opened = openWorker(
        options.store,
        definition.kind,
        `${options.applicationName}-queue`,
        async (job, token) => {
          this.#underWay += 1;
          try {
            return await process(ctx, definition, options, job, token);
          } finally {
            this.#underWay -= 1;
          }
        },
        {
          name: options.workerName,
          concurrency: Math.min(options.concurrency, definition.atOnce ?? options.concurrency),
          lockDuration: options.leaseMs,
          stalledInterval: options.leaseMs / 2,
          maxStalledCount: MAX_STALLED_COUNT,
        },
      );
      let lastError = "";
      opened.instance.on("error", (error) => {
        if (error.message !== lastError) ctx.log.warn({ err: error }, "worker's queue connection in trouble");
        lastError = error.message;
      });
      return opened;
    });
  }

  /** Resolves when every worker can take jobs. */
  async ready(): Promise<void> {
    await Promise.all(this.#workers.map(({ instance }) => instance.waitUntilReady()));
  }

  /** Takes no more jobs and waits for those under way, at most for `deadlineMs`; what is left, another worker takes over. */
  async close(deadlineMs: number): Promise<void> {
    await Promise.all(
      this.#workers.map(async ({ instance, isReachable, closeConnection }) => {
        const pointless = this.#underWay === 0 && !isReachable();
        const patienceMs = pointless ? Math.min(GOODBYE_MS, deadlineMs) : deadlineMs;
        const closing = instance.close();
        const timeout = Promise.withResolvers<"late">();
        const timer = setTimeout(() => timeout.resolve("late"), patienceMs);
        const end = await Promise.race([closing, timeout.promise]);
        clearTimeout(timer);
        if (end === "late") {
          this.#ctx.log.warn(
            { patienceMs, underWay: this.#underWay },
            "not closed in time; what is under way is left to another worker",
          );
          // Neither is waited for: they say goodbye to a store that may be away.
          for (const goodbye of [closing, instance.close(true)]) {
            goodbye.catch((error: unknown) =>
              this.#ctx.log.warn({ err: error }, "worker not closed cleanly"),
            );
          }
        }
        await closeConnection();
      }),
    );
  }
}

async function process(
  ctx: TenancyContext,
  definition: JobDefinition,
  options: OperationWorkersOptions,
  job: Job<OperationJobData, OperationJobResult, string>,
  token: string | undefined,
): Promise<OperationJobResult> {
  const outcome = await performOperation(ctx, {
    operationId: job.data.operationId,
    worker: options.workerName,
    leaseMs: options.leaseMs,
    maxAttempts: definition.maxAttempts,
    sink: {
      progress: (progress) => job.updateProgress(progress),
      log: async (line) => void (await job.log(line)),
    },
  });
  if (outcome.kind === "succeeded") options.onEnded(definition.kind);
  if (outcome.kind === "handed-on") await options.announceChildren(job.data.operationId);
  return conclude(job, token, outcome);
}

/** Says to the queue what has become of the operation. */
async function conclude(
  job: Job<OperationJobData, OperationJobResult, string>,
  token: string | undefined,
  outcome: PerformOutcome,
): Promise<OperationJobResult> {
  switch (outcome.kind) {
    case "failed":
      await job.log(`failed: ${outcome.error.code}: ${outcome.error.detail} ${outcome.error.hint}`);
      throw new UnrecoverableError(`${outcome.error.code}: ${outcome.error.detail}`);
    case "not-yet": {
      const delay = Math.max(outcome.retryInMs, MIN_DELAY_MS);
      await job.log(`again in ${delay} ms: ${outcome.reason}`);
      await job.moveToDelayed(Date.now() + delay, token);
      throw new DelayedError();
    }
    default:
      return { state: outcome.kind };
  }
}
