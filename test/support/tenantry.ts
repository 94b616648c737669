import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type BackupConfig,
  backupsIn,
  createLogger,
  type Installation,
  openInstallation,
} from "@tenantry/installation";
import type { Blueprint } from "@tenantry/schema";
import { erp } from "@tenantry/schema/blueprints/erp";
import { type RunningWorker, startWorker, type WorkerOptions } from "@tenantry/worker";
import { afterAll, inject } from "vitest";
import { LogCapture } from "./log-capture.ts";

export interface TestInstallation extends Installation {
  /** Every log line of this process's part, as text. */
  readonly logs: LogCapture;
  /** Where its workers put backups; removed after the file. */
  readonly backupDirectory: string;
  /** Root of its legacy sources; removed after the file unless it was given. */
  readonly legacyDirectory: string;
  /** Starts a worker that is closed after the file. */
  work(options?: Partial<WorkerOptions>): Promise<RunningWorker>;
  /** Every worker that was started. */
  workers(): readonly RunningWorker[];
}

export interface TestInstallationOptions {
  readonly databaseUrl: string;
  readonly databasePoolUrl?: string;
  readonly redisUrl?: string | null;
  readonly blueprints?: readonly Blueprint[];
  readonly backupDirectory?: string;
  /** What differs from an installation that was told nothing but the folder. */
  readonly backups?: Partial<BackupConfig>;
  readonly legacyDirectory?: string;
}

/** Short enough that a test can wait for a takeover, long enough for a busy machine to send its heartbeats. */
export const TEST_LEASE_MS = 3_000;

/** Opens an installation as an app does, for one test file; everything is closed after it. */
export async function openTestInstallation(options: TestInstallationOptions): Promise<TestInstallation> {
  const logs = new LogCapture();
  const dataDir = await mkdtemp(join(tmpdir(), "tenantry-test-data-"));
  const backupDirectory = options.backupDirectory ?? join(dataDir, "backups");
  const legacyDirectory = options.legacyDirectory ?? join(dataDir, "legacy");
  const installation = await openInstallation({
    databaseUrl: options.databaseUrl,
    databasePoolUrl: options.databasePoolUrl ?? null,
    redisUrl: options.redisUrl ?? null,
    blueprints: options.blueprints ?? [erp],
    role: "test",
    provisioningConnections: 4,
    backups: { ...backupsIn(backupDirectory), ...options.backups },
    legacyDirectory,
    log: createLogger({ level: "debug", name: "test" }, logs),
  });
  const workers: RunningWorker[] = [];
  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.close()));
    await installation.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  return {
    ...installation,
    logs,
    backupDirectory,
    legacyDirectory,
    workers: () => workers,
    work: async (workerOptions = {}) => {
      const worker = await startWorker(installation, {
        concurrency: 4,
        leaseMs: TEST_LEASE_MS,
        dispatchIntervalMs: 200,
        recheckMs: 1_000,
        drainMs: 10_000,
        ...workerOptions,
      });
      workers.push(worker);
      return worker;
    },
  };
}

/** Where the queue lies in this run of the tests, as the one case of a `describe.each`: see CONTRIBUTING.md. */
export function queueStores(): { name: string; redisUrl: string | null }[] {
  const redisUrl = inject("queueRedisUrl");
  return [{ name: redisUrl === null ? "PostgreSQL" : "Redis", redisUrl }];
}
