import {
  ConfigError,
  closeOnSignal,
  createLogger,
  openInstallation,
  parseConfig,
} from "@tenantry/installation";
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
    redisUrl: config.redisUrl,
    blueprints: BLUEPRINTS,
    role: "worker",
    provisioningConnections: config.workerConcurrency,
    backupDirectory: config.backupDirectory,
    legacyDirectory: config.legacyDirectory,
    log,
  });
  const worker = await startWorker(installation, { concurrency: config.workerConcurrency });
  const stopSigns = keepSignOfLife(installation);
  closeOnSignal(log, async () => {
    stopSigns();
    await worker.close();
    await installation.close();
  });
} catch (error) {
  process.stderr.write(`${error instanceof ConfigError ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
