import {
  keepBackups,
  keepSpares,
  noteSchedule,
  runSchedule,
  type TenancyContext,
  tidyBackups,
} from "@tenantry/tenancy";
import type { Job, Worker } from "bullmq";
import { announceChildren } from "./announce.ts";
import { MAINTENANCE_QUEUE, MAINTENANCE_TASKS, type MaintenanceTask } from "./catalogue.ts";
import type { MaintenanceJobData } from "./maintenance-queue.ts";
import type { OperationQueues } from "./operation-queues.ts";
import { type Opened, openWorker, type QueueStore } from "./store.ts";

export interface MaintenanceWorkerOptions {
  readonly store: QueueStore;
  readonly applicationName: string;
  readonly workerName: string;
  /** A worker silent for so long counts as dead. Milliseconds. */
  readonly leaseMs: number;
  /** Spares to keep of each blueprint on each placement; null leaves them to other workers. */
  readonly warmTenants: number | null;
}

/** How often it looks whether the queue still knows what to do. Milliseconds. */
const ARRANGE_INTERVAL_MS = 5 * 60_000;
/** After the queue or the database was away. Milliseconds. */
const ARRANGE_AGAIN_MS = 10_000;

/** One process's part in what is done again and again. Each task may run twice, or at once. */
export class MaintenanceWorker {
  readonly #ctx: TenancyContext;
  readonly #queues: OperationQueues;
  readonly #warmTenants: number | null;
  readonly #worker: Opened<Worker<MaintenanceJobData, unknown, string>>;
  #timer: NodeJS.Timeout | undefined;
  #arranged = false;
  #stopped = false;

  constructor(ctx: TenancyContext, queues: OperationQueues, options: MaintenanceWorkerOptions) {
    this.#ctx = ctx;
    this.#queues = queues;
    this.#warmTenants = options.warmTenants;
    this.#worker = openWorker<MaintenanceJobData, unknown>(
      options.store,
      MAINTENANCE_QUEUE,
      `${options.applicationName}-queue`,
      (job) => this.#perform(job),
      // One that takes long holds up no other: least of all the schedule.
      { name: options.workerName, concurrency: MAINTENANCE_TASKS.length, lockDuration: options.leaseMs },
    );
    let lastError = "";
    this.#worker.instance.on("error", (error) => {
      if (error.message !== lastError)
        ctx.log.warn({ err: error }, "maintenance's queue connection in trouble");
      lastError = error.message;
    });
  }

  start(): void {
    void this.#arrange();
  }

  /** Takes no more tasks, and waits for one under way, at most for `deadlineMs`; another worker begins it again. */
  async close(deadlineMs: number): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const { instance, isReachable, closeConnection } = this.#worker;
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(() => late.resolve(), isReachable() ? deadlineMs : 0);
    const closing = instance.close();
    closing.catch((error: unknown) => this.#ctx.log.warn({ err: error }, "maintenance not closed cleanly"));
    await Promise.race([closing.catch(() => undefined), late.promise]);
    clearTimeout(timer);
    await closeConnection();
  }

  /** Not waited for by anybody: the queue may be away, and work goes on without it. */
  async #arrange(): Promise<void> {
    let nextMs = ARRANGE_INTERVAL_MS;
    try {
      await noteSchedule(this.#ctx);
      await this.#queues.maintenance.arrange(this.#ctx.backups.schedule, this.#warmTenants);
      // An interval's first job may be a whole interval away.
      if (!this.#arranged && (this.#warmTenants ?? 0) > 0) await this.#queues.maintenance.ringForSpares();
      this.#arranged = true;
    } catch (error) {
      nextMs = ARRANGE_AGAIN_MS;
      if (!this.#stopped) this.#ctx.log.warn({ err: error }, "maintenance not arranged yet");
    }
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#arrange(), nextMs);
  }

  async #perform(job: Job<MaintenanceJobData, unknown, string>): Promise<unknown> {
    const ctx = this.#ctx;
    switch (job.name as MaintenanceTask) {
      case "scheduled-backups":
        return this.#runSchedule(new Date(job.opts.prevMillis ?? job.timestamp));
      case "upkeep":
        return {
          ...(await this.#runSchedule(null)),
          ...(await keepBackups(ctx)),
          spares: await this.#keepSpares(),
        };
      case "tidying":
        return tidyBackups(ctx);
      case "spares":
        return this.#keepSpares();
    }
  }

  async #keepSpares(): Promise<unknown> {
    return this.#warmTenants === null ? null : keepSpares(this.#ctx, { wanted: this.#warmTenants });
  }

  async #runSchedule(at: Date | null): Promise<{ readonly run: string | null }> {
    const outcome = await runSchedule(this.#ctx, at);
    if (outcome === null) return { run: null };
    const { id } = outcome.answer.operation;
    await announceChildren(this.#ctx, this.#queues, id);
    return { run: id };
  }
}
