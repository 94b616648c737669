import { buildApi } from "@tenantry/api";
import type { Config } from "@tenantry/installation";
import { loadBlueprints } from "@tenantry/schema";
import { BLUEPRINTS } from "@tenantry/schema/blueprints";
import { startWorker } from "@tenantry/worker";
import type { Logger } from "pino";
import { type LocalInstallation, openLocalInstallation } from "../local-installation.ts";
import type { Shutdown } from "../shutdown.ts";
import { VERSION } from "../version.ts";
import { baseUrl } from "./addresses.ts";
import { listenError } from "./listen-error.ts";

export interface ServicesOptions {
  /** Who connects: `up` or `demo`. */
  readonly role: string;
  readonly port: number;
  /** Schemas to keep ready-made of each blueprint; null leaves them to others. */
  readonly warmTenants: number | null;
  /** The dashboard's login, once the installation is open. */
  readonly opsLogin: (installation: LocalInstallation) => Promise<{ user: string; passwordHash: string }>;
  readonly log: Logger;
  readonly onProgress: (message: string) => void;
  readonly shutdown: Shutdown;
}

/** Database, API and worker of one process. */
export interface Services {
  readonly installation: LocalInstallation;
  /** Where the API answers, as this machine reaches it. */
  readonly url: string;
  /** Answers what was asked, drains the work under way, and stops everything, the embedded server last. */
  close(): Promise<void>;
}

/**
 * Starts everything, or nothing: what was started is stopped again when a later part doesn't.
 *
 * @throws CliError PORT_IN_USE and the like; Interrupted; what `openLocalInstallation` throws.
 */
export async function startServices(config: Config, options: ServicesOptions): Promise<Services> {
  const { log, onProgress, shutdown } = options;
  const stack = new AsyncDisposableStack();
  try {
    const installation = await openLocalInstallation(config, {
      blueprints: await loadBlueprints(BLUEPRINTS, config.blueprintFolders),
      role: options.role,
      workerConcurrency: config.workerConcurrency,
      log,
      onProgress,
      shutdown,
    });
    stack.defer(() => installation.close());
    shutdown.throwIfAsked();
    onProgress("Starting the worker");
    const worker = await startWorker(installation, {
      concurrency: config.workerConcurrency,
      warmTenants: options.warmTenants,
    });
    stack.defer(() => worker.close());
    shutdown.throwIfAsked();
    onProgress("Starting the API");
    const { ctx, queues, watch } = installation;
    const app = await buildApi({
      ctx,
      queues,
      watch,
      ops: await options.opsLogin(installation),
      sessionTtlMs: config.sessionTtlMs,
      version: VERSION,
      trustProxy: [...config.trustProxy],
    });
    stack.defer(async () => {
      await app.close();
    });
    shutdown.throwIfAsked();
    await app.listen({ host: config.host, port: options.port }).catch((error: unknown) => {
      throw listenError(error, config.host, options.port);
    });
    const url = baseUrl(config.host, app.server.address());
    return { installation, url, close: () => stack.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}
