import { backupsIn, createLogger, openInstallation } from "@tenantry/installation";
import { announceNew } from "@tenantry/jobs";
import { erp } from "@tenantry/schema/blueprints/erp";
import { migrateLegacy } from "@tenantry/tenancy";
import { type Memory, watchMemory } from "../measuring/memory.ts";
import { startBenchWorker } from "./worker-process.ts";

/** Tenantry, ready to take in sources of the old ERP: somebody who orders it, and a worker in a process of its own. */
export interface OpenMigration {
  /** Moves every license of a source in, from the order to the run's end. @throws Error unless all went well */
  run(folder: string): Promise<MigrationRun>;
  workerPid: number;
  close(): Promise<void>;
}

export interface MigrationRun {
  readonly seconds: number;
  readonly licenses: number;
  readonly rows: number;
  /** The most that worker and readers held together; null where it can't be known. */
  readonly peak: Memory | null;
}

const PATIENCE_MS = 600_000;

/** @param folder for whatever it keeps on disk; `concurrency` licenses are moved at once */
export async function openMigration(
  databaseUrl: string,
  folder: string,
  concurrency: number,
): Promise<OpenMigration> {
  const installation = await openInstallation({
    databaseUrl,
    redisUrl: null,
    blueprints: [erp],
    role: "bench",
    provisioningConnections: 1,
    backups: backupsIn(folder),
    legacyDirectory: folder,
    log: createLogger({ level: "warn", name: "bench" }),
  });
  const worker = await startBenchWorker(databaseUrl, folder, concurrency);
  return {
    run: async (path) => {
      const memory = watchMemory(worker.pid);
      const begun = performance.now();
      const { answer, entry } = await migrateLegacy(installation.ctx, { ...REQUEST, path }, CALLER);
      if (entry !== null) await announceNew(installation.ctx, installation.queues, entry);
      const { id } = answer.operation;
      await installation.watch.untilFinished(id, AbortSignal.timeout(PATIENCE_MS));
      const seconds = (performance.now() - begun) / 1000;
      const peak = await memory.stop();
      const items = await installation.ctx.control
        .selectFrom("legacy_items")
        .innerJoin("operations", "operations.id", "legacy_items.operation_id")
        .select(["operations.state", "legacy_items.quarantined", "legacy_items.rows_done"])
        .where("legacy_items.run_id", "=", id)
        .execute();
      if (
        items.length === 0 ||
        items.some((item) => item.state !== "succeeded" || Number(item.quarantined) > 0)
      ) {
        throw new Error(`the migration didn't go well: ${JSON.stringify(items.slice(0, 5))}`);
      }
      const rows = items.reduce((sum, item) => sum + Number(item.rows_done), 0);
      return { seconds, licenses: items.length, rows, peak };
    },
    workerPid: worker.pid,
    close: async () => {
      await worker.stop();
      await installation.close();
    },
  };
}

const REQUEST = {
  system: "ded",
  root: "operator",
  licenseKeys: null,
  dryRun: false,
  onExisting: "fail",
  strict: true,
  timeZone: null,
  pace: "full",
} as const;

const CALLER = { actor: "cli:bench", apiKeyId: null, idempotency: null };
