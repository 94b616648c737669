import type { OperationKind } from "@tenantry/schema";

/** What a job shows in the queue: labels for people, and the id that the truth is found by. Never a secret. */
export interface OperationJobData {
  readonly operationId: string;
  readonly licenseKey: string | null;
  readonly client: string | null;
  readonly schema: string | null;
  /** The run that it is a part of. */
  readonly run?: string;
}

/** What a finished job says. The whole story is in the operation. */
export interface OperationJobResult {
  readonly state: string;
}

export interface JobDefinition {
  /** Queue and job have the operation's kind for a name. */
  readonly kind: OperationKind;
  /** Attempts at retryable trouble before the operation fails. */
  readonly maxAttempts: number;
  /** Finished jobs stay so long for the dashboard, in seconds; the operation's row stays for ever. */
  readonly keepSeconds: number;
  /** Worked on at once by one worker, where that is fewer than it may do of others. */
  readonly atOnce?: number;
}

const DAY_SECONDS = 86_400;

/** Tenants that one worker deletes at once. */
export const DELETIONS_AT_ONCE = 2;

/** Tenants that one worker backs up at once: each takes a core for compressing. */
export const BACKUPS_AT_ONCE = 2;

/** Loads that one worker does at once. */
export const RESTORES_AT_ONCE = 1;

/** Every kind of job that there is. A kind without an entry is never enqueued: runs are done by their children. */
export const JOB_CATALOGUE: readonly JobDefinition[] = [
  { kind: "create-tenant", maxAttempts: 5, keepSeconds: 7 * DAY_SECONDS },
  { kind: "change-license", maxAttempts: 5, keepSeconds: 7 * DAY_SECONDS },
  // A backup holds a connection for as long as it takes: those who wait for a tenant to be made must still find one. A busy
  // tenant's transactions may keep it waiting, so it is patient.
  { kind: "delete-tenant", maxAttempts: 8, keepSeconds: 7 * DAY_SECONDS, atOnce: DELETIONS_AT_ONCE },
  // The plan of a run, and each of its licenses. A file that somebody is writing may be free a little later.
  { kind: "migrate-legacy", maxAttempts: 5, keepSeconds: 7 * DAY_SECONDS },
  { kind: "backup", maxAttempts: 8, keepSeconds: 7 * DAY_SECONDS, atOnce: BACKUPS_AT_ONCE },
  { kind: "verify-backup", maxAttempts: 5, keepSeconds: 7 * DAY_SECONDS, atOnce: RESTORES_AT_ONCE },
  { kind: "move-tenant", maxAttempts: 8, keepSeconds: 7 * DAY_SECONDS, atOnce: RESTORES_AT_ONCE },
  // One worker drives a whole run, over a few connections to each server. Trouble that passes, such as a restart, is waited out.
  { kind: "migrate-fleet", maxAttempts: 12, keepSeconds: 7 * DAY_SECONDS, atOnce: 2 },
  { kind: "restore", maxAttempts: 8, keepSeconds: 7 * DAY_SECONDS, atOnce: RESTORES_AT_ONCE },
];

/** Whether there are jobs of that kind. */
export function hasJobs(kind: OperationKind): boolean {
  return JOB_CATALOGUE.some((job) => job.kind === kind);
}

/**
 * How often the queue delivers a job whose worker couldn't even reach PostgreSQL, before it leaves the job to the
 * dispatcher, which looks for such operations for as long as they aren't finished.
 */
export const DELIVERY_ATTEMPTS = 50;
export const DELIVERY_BACKOFF_MS = 2_000;

/**
 * A run's children wait behind what was asked for by itself: one order must not stand in line behind a thousand. Without
 * a priority a job comes first.
 */
export const CHILD_PRIORITY = 10;

/** Finished jobs kept at most, per queue and end. */
export const KEEP_JOBS = 10_000;

/** What is done again and again, on a queue of its own, by whichever worker is free. */
export const MAINTENANCE_QUEUE = "maintenance";

export const MAINTENANCE_TASKS = ["scheduled-backups", "upkeep", "tidying", "spares"] as const;
/**
 * `upkeep` also looks whether scheduled backups were missed; `tidying` removes backups that nobody has a use for;
 * `spares` fills the warm pool, also whenever a tenant was made.
 */
export type MaintenanceTask = (typeof MAINTENANCE_TASKS)[number];

/** How often, in milliseconds. */
export const UPKEEP_INTERVAL_MS = 5 * 60_000;
export const TIDYING_INTERVAL_MS = 3_600_000;
export const SPARES_INTERVAL_MS = 30_000;
