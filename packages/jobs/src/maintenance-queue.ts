import type { JobSchedulerJson, Queue, RepeatOptions } from "bullmq";
import {
  MAINTENANCE_QUEUE,
  type MaintenanceTask,
  SPARES_INTERVAL_MS,
  TIDYING_INTERVAL_MS,
  UPKEEP_INTERVAL_MS,
} from "./catalogue.ts";
import type { QueueConnection } from "./store.ts";

/** A task has nothing to be told: what there is to do is in the database. */
export type MaintenanceJobData = Readonly<Record<string, never>>;

/** The queue of what is done again and again. Its store makes each task's next job when one begins. */
export class MaintenanceQueue {
  /** The BullMQ queue, for the dashboard. */
  readonly queue: Queue<MaintenanceJobData, unknown, string>;

  constructor(connection: QueueConnection, onError: (error: Error) => void) {
    this.queue = connection.openQueue<MaintenanceJobData, unknown>(MAINTENANCE_QUEUE, {
      defaultJobOptions: JOB_OPTIONS,
    });
    this.queue.on("error", onError);
  }

  /**
   * Tells the queue what is to be done when; changes nothing where it knows. Any number of processes may call it, and again:
   * a queue that was emptied has forgotten.
   *
   * @param backupSchedule a cron expression, in UTC; null for none
   * @param warmTenants spares of each blueprint; null from a process that leaves them to others
   */
  async arrange(backupSchedule: string | null, warmTenants: number | null): Promise<void> {
    await this.#repeat("upkeep", { every: UPKEEP_INTERVAL_MS });
    await this.#repeat("tidying", { every: TIDYING_INTERVAL_MS });
    if (backupSchedule !== null) {
      await this.#repeat("scheduled-backups", { pattern: backupSchedule, tz: "UTC" });
    } else {
      await this.queue.removeJobScheduler("scheduled-backups");
    }
    if (warmTenants === null) return;
    if (warmTenants > 0) await this.#repeat("spares", { every: SPARES_INTERVAL_MS });
    else await this.queue.removeJobScheduler("spares");
  }

  /** Has the warm pool looked at soon; once for all who ask until somebody has begun to. */
  async ringForSpares(): Promise<void> {
    await this.queue.add("spares", {}, { ...JOB_OPTIONS, attempts: 1, deduplication: { id: "spares" } });
  }

  /** One that is right stays: putting it anew would take away a job that is overdue. */
  async #repeat(task: MaintenanceTask, repeat: RepeatOptions): Promise<void> {
    const known = await this.queue.getJobScheduler(task);
    if (known !== undefined && isSame(known, repeat) && isAlive(known)) return;
    await this.queue.upsertJobScheduler(task, repeat, { name: task, data: {}, opts: JOB_OPTIONS });
  }
}

const DAY_SECONDS = 86_400;
const JOB_OPTIONS = {
  attempts: 3,
  backoff: { type: "fixed", delay: 20_000 },
  removeOnComplete: { age: 7 * DAY_SECONDS, count: 200 },
  removeOnFail: { age: 7 * DAY_SECONDS, count: 200 },
};
/** A task that is due for so long, with a worker there to ask, has lost its job. Milliseconds. */
const OVERDUE_MS = 30 * 60_000;

function isSame(known: JobSchedulerJson<MaintenanceJobData>, repeat: RepeatOptions): boolean {
  return (
    (known.every ?? null) === (repeat.every ?? null) &&
    (known.pattern ?? null) === (repeat.pattern ?? null) &&
    (known.tz ?? null) === (repeat.tz ?? null)
  );
}

/** Nor may a clock that was set back keep it waiting for when it was. */
function isAlive({ next, every }: JobSchedulerJson<MaintenanceJobData>): boolean {
  if (next === undefined || next === null) return false;
  const wait = next - Date.now();
  return wait > -OVERDUE_MS && (every === undefined || wait <= every);
}
