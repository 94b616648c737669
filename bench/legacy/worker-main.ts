import { backupsIn, createLogger, openInstallation } from "@tenantry/installation";
import { erp } from "@tenantry/schema/blueprints/erp";
import { startWorker } from "@tenantry/worker";

/** A worker in a process of its own, as in production, so that its memory can be told from everybody else's. */
const { BENCH_DATABASE_URL = "", BENCH_FOLDER = "", BENCH_CONCURRENCY = "" } = process.env;
const concurrency = Number(BENCH_CONCURRENCY);
const installation = await openInstallation({
  databaseUrl: BENCH_DATABASE_URL,
  redisUrl: null,
  blueprints: [erp],
  role: "bench-worker",
  provisioningConnections: concurrency,
  // Nothing is deleted here.
  backups: backupsIn(BENCH_FOLDER),
  legacyDirectory: BENCH_FOLDER,
  log: createLogger({ level: "warn", name: "bench-worker" }),
});
await startWorker(installation, { concurrency });
process.send?.("ready");
