import { createLogger, type LogLevel, parseConfig } from "@tenantry/installation";
import { BLUEPRINTS } from "@tenantry/schema/blueprints";
import type { CommandContext } from "./command.ts";
import { type LocalInstallation, openLocalInstallation } from "./local-installation.ts";

/** Tenants that a short command's own worker makes at once: it was started for one. */
const SHORT_CONCURRENCY = 2;

/** What a short command logs unless LOG_LEVEL says otherwise: its own lines tell what is expected to go wrong. */
const QUIET: LogLevel = "fatal";

/** Opens the installation for one short command, runs `work`, and closes it again whatever happens. */
export async function withInstallation<T>(
  context: CommandContext,
  options: { readonly worker: boolean },
  work: (installation: LocalInstallation) => Promise<T>,
): Promise<T> {
  const { terminal, environment, shutdown } = context;
  const config = parseConfig(environment);
  const log = createLogger({ level: environment.LOG_LEVEL ? config.logLevel : QUIET, name: "cli" });
  const installation = await openLocalInstallation(config, {
    blueprints: BLUEPRINTS,
    role: "cli",
    workerConcurrency: options.worker ? Math.min(SHORT_CONCURRENCY, config.workerConcurrency) : 0,
    log,
    onProgress: (message) => terminal.status(message),
    shutdown,
  });
  try {
    terminal.clearStatus();
    return await work(installation);
  } finally {
    terminal.clearStatus();
    await installation.close();
  }
}
