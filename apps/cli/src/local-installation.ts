import { randomBytes } from "node:crypto";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "@tenantry/embedded";
import { type Config, type Installation, openInstallation } from "@tenantry/installation";
import { type Blueprint, ensureOwnedDatabase } from "@tenantry/schema";
import type { Logger } from "pino";
import { CredentialsFile } from "./local/credentials-file.ts";
import type { Shutdown } from "./shutdown.ts";

export interface LocalInstallationOptions {
  readonly blueprints: readonly Blueprint[];
  /** Who connects: `up`, `cli`, `demo`. */
  readonly role: string;
  /** Tenants provisioned at once in this process; 0 for one that starts no worker. */
  readonly workerConcurrency: number;
  readonly log: Logger;
  /** Told in a sentence what is being done, for whoever waits. */
  readonly onProgress: (message: string) => void;
  readonly shutdown: Shutdown;
}

/** An installation as one machine's own commands use it. `close` also leaves the embedded server. */
export interface LocalInstallation extends Installation {
  readonly embedded: boolean;
  readonly credentials: CredentialsFile;
  /** Tells the database apart from others, without a secret. */
  readonly databaseLabel: string;
  /** Tenants worked on at once by a worker in this process; 0 where there is to be none. */
  readonly workerConcurrency: number;
}

/** Name of the embedded database and of the login that owns it. */
const DATABASE_NAME = "tenantry";

/**
 * Opens the installation that the environment names; without a DATABASE_URL the embedded one under DATA_DIR, whose
 * server is started unless another process of ours has done so, and stopped again by the last to leave.
 *
 * @throws EmbeddedPostgresError, CliError, ControlSchemaNewerError, Interrupted, the driver's error.
 */
export async function openLocalInstallation(
  config: Config,
  options: LocalInstallationOptions,
): Promise<LocalInstallation> {
  const { shutdown, onProgress, log, workerConcurrency } = options;
  const credentials = new CredentialsFile(config.dataDir);
  const open = (databaseUrl: string): Promise<Installation> =>
    openInstallation({
      databaseUrl,
      databasePoolUrl: config.databasePoolUrl,
      redisUrl: config.redisUrl,
      blueprints: options.blueprints,
      role: options.role,
      provisioningConnections: workerConcurrency,
      backups: config.backups,
      legacyDirectory: config.legacyDirectory,
      log,
    });
  if (config.databaseUrl !== null) {
    const installation = await open(config.databaseUrl);
    const databaseLabel = label(config.databaseUrl);
    return { ...installation, embedded: false, credentials, databaseLabel, workerConcurrency };
  }

  shutdown.throwIfAsked();
  const server = await startEmbeddedPostgres({ dataDir: config.dataDir, onProgress });
  const forget = shutdown.stopEvenInAHurry(() => server.stop());
  const stop = async (): Promise<void> => {
    await server.stop();
    forget();
  };
  try {
    // Asked for while the server was starting.
    shutdown.throwIfAsked();
    const installation = await open(await ownDatabase(server, credentials));
    return {
      ...installation,
      embedded: true,
      credentials,
      databaseLabel: "embedded",
      workerConcurrency,
      close: async () => {
        try {
          await installation.close();
        } finally {
          await stop();
        }
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Under the credentials' lock: PostgreSQL refuses two ALTER ROLEs of the same login at the same moment. */
async function ownDatabase(server: EmbeddedPostgres, credentials: CredentialsFile): Promise<string> {
  let url = "";
  await credentials.update(async (current) => {
    const password = current.databasePassword ?? randomBytes(32).toString("base64url");
    url = await ensureOwnedDatabase({ superuserUrl: server.superuserUrl, name: DATABASE_NAME, password });
    return current.databasePassword === undefined ? { ...current, databasePassword: password } : current;
  });
  return url;
}

/** Host, port and database of a URL. */
function label(databaseUrl: string): string {
  const { host, pathname } = new URL(databaseUrl);
  return `${host}${pathname}`;
}
