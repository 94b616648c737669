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
}

/** A crash must not use up a job's chances: its handler may run any number of times. */
const MAX_STALLED_COUNT = 1_000_000;
/** A reaction to a cancelled attempt or a held operation never comes sooner than this. Milliseconds. */
const MIN_DELAY_MS = 50;

/** The workers of one process: one BullMQ worker for each kind of operation. */
export class OperationWorkers {
  readonly #workers: Opened<OperationWorker>[];
  readonly #ctx: TenancyContext;

  constructor(ctx: TenancyContext, options: OperationWorkersOptions) {
    this.#ctx = ctx;
    this.#workers = JOB_CATALOGUE.map((definition) => {
      const opened = openWorker(
        options.store,
        definition.kind,
        `${options.applicationName}-queue`,
        (job, token) => process(ctx, definition, options, job, token),
        {
          name: options.workerName,
          concurrency: options.concurrency,
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
      this.#workers.map(async ({ instance, closeConnection }) => {
        const closing = instance.close();
        const timeout = Promise.withResolvers<"late">();
        const timer = setTimeout(() => timeout.resolve("late"), deadlineMs);
        const end = await Promise.race([closing, timeout.promise]);
        clearTimeout(timer);
        if (end === "late") {
          this.#ctx.log.warn(
            { deadlineMs },
            "jobs still under way at the deadline are left to another worker",
          );
          await instance.close(true);
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
