import {
  ConfigError,
  closeOnSignal,
  createLogger,
  ensureOpsLogin,
  openInstallation,
  parseConfig,
} from "@tenantry/installation";
import { BlueprintFolderError, loadBlueprints } from "@tenantry/schema";
import { BLUEPRINTS } from "@tenantry/schema/blueprints";
import packageJson from "../package.json" with { type: "json" };
import { buildApi } from "./server.ts";

try {
  const config = parseConfig(process.env);
  if (config.databaseUrl === null) {
    throw new ConfigError(["DATABASE_URL: is needed here; `npm start` brings a PostgreSQL of its own"]);
  }
  const log = createLogger({ level: config.logLevel, name: "api" });
  const installation = await openInstallation({
    databaseUrl: config.databaseUrl,
    databasePoolUrl: config.databasePoolUrl,
    redisUrl: config.redisUrl,
    blueprints: await loadBlueprints(BLUEPRINTS, config.blueprintFolders),
    role: "api",
    provisioningConnections: 0,
    backups: config.backups,
    legacyDirectory: config.legacyDirectory,
    log,
  });
  const ops = await ensureOpsLogin(installation.ctx, config);
  if (ops.newPassword !== undefined) {
    // Once, and not through the log, which is kept and shipped elsewhere.
    process.stdout.write(`Dashboard login made: ${ops.user} / ${ops.newPassword}\n`);
  }
  const api = await buildApi({
    ctx: installation.ctx,
    queues: installation.queues,
    watch: installation.watch,
    ops,
    sessionTtlMs: config.sessionTtlMs,
    version: packageJson.version,
    trustProxy: [...config.trustProxy],
  });
  await api.listen({ host: config.host, port: config.port });
  closeOnSignal(log, async () => {
    await api.close();
    await installation.close();
  });
} catch (error) {
  const expected = error instanceof ConfigError || error instanceof BlueprintFolderError;
  process.stderr.write(`${expected ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
