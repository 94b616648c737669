import { createLogger, type LogLevel, parseConfig } from "@tenantry/installation";
import { type Blueprint, loadBlueprints } from "@tenantry/schema";
import { BLUEPRINTS } from "@tenantry/schema/blueprints";
import type { CommandContext } from "./command.ts";
import { type LocalInstallation, openLocalInstallation } from "./local-installation.ts";

/**
 * Who does the command's work in this process. `true`: a worker for the one thing that the command is about; `full`: one
 * that takes as much at once as WORKER_CONCURRENCY says.
 */
export type CommandWorker = boolean | "full";

/** Tenants that a short command's own worker makes at once: it was started for one. */
const SHORT_CONCURRENCY = 2;

/** What a short command logs unless LOG_LEVEL says otherwise: its own lines tell what is expected to go wrong. */
const QUIET: LogLevel = "fatal";

/** Opens the installation for one short command, runs `work`, and closes it again whatever happens. */
export async function withInstallation<T>(
  context: CommandContext,
  options: {
    readonly worker: CommandWorker;
    /** In place of those that the environment names. */
    readonly blueprints?: readonly Blueprint[];
  },
  work: (installation: LocalInstallation) => Promise<T>,
): Promise<T> {
  const { terminal, environment, shutdown } = context;
  const config = parseConfig(environment);
  const log = createLogger({ level: environment.LOG_LEVEL ? config.logLevel : QUIET, name: "cli" });
  const installation = await openLocalInstallation(config, {
    blueprints: options.blueprints ?? (await loadBlueprints(BLUEPRINTS, config.blueprintFolders)),
    role: "cli",
    workerConcurrency: concurrency(options.worker, config.workerConcurrency),
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

function concurrency(worker: CommandWorker, configured: number): number {
  if (worker === false) return 0;
  return worker === "full" ? configured : Math.min(SHORT_CONCURRENCY, configured);
}
