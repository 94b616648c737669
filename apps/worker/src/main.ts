import {
  ConfigError,
  closeOnSignal,
  createLogger,
  openInstallation,
  parseConfig,
} from "@tenantry/installation";
import { BlueprintFolderError, loadBlueprints } from "@tenantry/schema";
import { BLUEPRINTS } from "@tenantry/schema/blueprints";
import { keepSignOfLife } from "./sign-of-life.ts";
import { startWorker } from "./worker.ts";

try {
  const config = parseConfig(process.env);
  if (config.databaseUrl === null) {
    throw new ConfigError(["DATABASE_URL: is needed here; `npm start` brings a PostgreSQL of its own"]);
  }
  const log = createLogger({ level: config.logLevel, name: "worker" });
  const installation = await openInstallation({
    databaseUrl: config.databaseUrl,
    databasePoolUrl: config.databasePoolUrl,
    redisUrl: config.redisUrl,
    blueprints: await loadBlueprints(BLUEPRINTS, config.blueprintFolders),
    role: "worker",
    provisioningConnections: config.workerConcurrency,
    backups: config.backups,
    legacyDirectory: config.legacyDirectory,
    log,
  });
  const worker = await startWorker(installation, {
    concurrency: config.workerConcurrency,
    warmTenants: config.warmTenants ?? 0,
  });
  const stopSigns = keepSignOfLife(installation);
  closeOnSignal(log, async () => {
    stopSigns();
    await worker.close();
    await installation.close();
  });
} catch (error) {
  const expected = error instanceof ConfigError || error instanceof BlueprintFolderError;
  process.stderr.write(`${expected ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
