import { existsSync } from "node:fs";
import { mkdir, readdir, realpath, rm, rmdir } from "node:fs/promises";
import { resolve } from "node:path";
import { CLUSTER_NAME, type Cluster } from "./cluster.ts";
import { locateCluster, systemClusters } from "./cluster-location.ts";
import { registerUser, unregisterUser, usersDirectory } from "./cluster-users.ts";
import { createCluster } from "./create-cluster.ts";
import { type Credentials, credentialsFile, readCredentials, SUPERUSER } from "./credentials.ts";
import { lockFile, withDataDirLock } from "./data-dir-lock.ts";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
import { errorCode } from "./error-code.ts";
import { prepareRuntime, RUNTIME_PREFIX } from "./prepare-runtime.ts";
import { ensureServer, stopServer } from "./server.ts";

/** Longer than the longest start, which is the recovery of a large cluster after a crash. */
const LOCK_TIMEOUT_MS = 360_000;

export interface EmbeddedPostgresOptions {
  /** Where all of it is kept; made if missing. Several processes may use one at once. */
  readonly dataDir: string;
  /** More settings for the server, as in `postgresql.conf`. Without effect when it runs already. */
  readonly settings?: Readonly<Record<string, string>>;
  /** For tests and benchmarks: faster, may lose everything when the machine goes down, and is removed at the end. */
  readonly ephemeral?: boolean;
  /** Told in a sentence what is being done, for whoever waits for it. */
  readonly onProgress?: (message: string) => void;
}

/** A PostgreSQL server that this process uses, perhaps along with others. */
export interface EmbeddedPostgres {
  /** Superuser's URL of the database `postgres`, on 127.0.0.1. Holds the generated password. */
  readonly superuserUrl: string;
  readonly dataDir: string;
  readonly port: number;
  /**
   * Leaves. The last user of the cluster to leave stops the server, breaking off its connections; others
   * leave it running. May be called again.
   *
   * @throws EmbeddedPostgresError EMBEDDED_STOP_FAILED, EMBEDDED_LOCK_TIMEOUT
   */
  stop(): Promise<void>;
}

/**
 * Starts PostgreSQL on the cluster in `dataDir`, creating it the first time, or attaches to the server that
 * another process has started there.
 *
 * @throws EmbeddedPostgresError whose `code` and `hint` say what to do
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { settings = {}, ephemeral = false, onProgress = () => {} } = options;
  const dataDir = await makeDataDir(options.dataDir);
  const start = async (): Promise<EmbeddedPostgres> => {
    const runtime = await prepareRuntime(dataDir);
    const { path, exists, identity } = await locateCluster(dataDir);
    const cluster: Cluster = { dataDir, path, identity, runtime };
    if (!exists) {
      onProgress(`Creating a PostgreSQL cluster in ${path}`);
      for (const old of await systemClusters(dataDir))
        onProgress(`An older cluster of this place remains in ${old}`);
      await createCluster(cluster, ephemeral);
    }
    const credentials = await readCredentials(dataDir);
    refuseOtherDurability(dataDir, credentials, ephemeral);
    onProgress("Starting PostgreSQL");
    const { port, attached } = await ensureServer(cluster, ephemeral, settings);
    onProgress(attached ? `PostgreSQL runs already on port ${port}` : `PostgreSQL runs on port ${port}`);
    const user = await registerUser(dataDir);
    let leaving: Promise<void> | undefined;
    const stop = () => {
      // Nobody can hold or share a data directory that was deleted under a running server.
      leaving ??= existsSync(dataDir)
        ? withDataDirLock(dataDir, () => leave(cluster, user, ephemeral), LOCK_TIMEOUT_MS)
        : stopServer(cluster);
      return leaving;
    };
    const superuserUrl = `postgres://${SUPERUSER}:${credentials.password}@127.0.0.1:${port}/postgres`;
    return { superuserUrl, dataDir, port, stop };
  };
  return withDataDirLock(dataDir, start, LOCK_TIMEOUT_MS);
}

async function leave(cluster: Cluster, user: string, ephemeral: boolean): Promise<void> {
  if ((await unregisterUser(cluster.dataDir, user)) > 0) return;
  await stopServer(cluster);
  if (ephemeral) await removeEverything(cluster);
}

/** Removes what we put there, and the directory if nothing else is in it. */
async function removeEverything({ dataDir, path }: Cluster): Promise<void> {
  const copies = (await readdir(dataDir)).filter((entry) => entry.startsWith(RUNTIME_PREFIX));
  const ours = [
    path,
    CLUSTER_NAME,
    credentialsFile(dataDir),
    usersDirectory(dataDir),
    ...copies,
    lockFile(dataDir),
  ];
  for (const each of ours) await rm(resolve(dataDir, each), { recursive: true, force: true });
  await rmdir(dataDir).catch((error) => {
    if (errorCode(error) !== "ENOTEMPTY" && errorCode(error) !== "EEXIST") throw error;
  });
}

function refuseOtherDurability(dataDir: string, credentials: Credentials, ephemeral: boolean): void {
  if (credentials.ephemeral === ephemeral) return;
  throw new EmbeddedPostgresError(
    "EMBEDDED_DURABILITY_MISMATCH",
    ephemeral
      ? `The cluster in ${dataDir} is meant to last; it can't be used as an ephemeral one, which is removed at the end.`
      : `The cluster in ${dataDir} is an ephemeral one that was left behind; it is not safe to keep data in.`,
    ephemeral ? "Give the ephemeral cluster a directory of its own." : `Remove ${dataDir} and start again.`,
  );
}

async function makeDataDir(path: string): Promise<string> {
  const dataDir = resolve(path);
  try {
    await mkdir(dataDir, { recursive: true });
    return await realpath(dataDir);
  } catch (cause) {
    throw new EmbeddedPostgresError(
      "EMBEDDED_DATA_DIR_UNUSABLE",
      `The data directory ${dataDir} can't be made or entered.`,
      "Set DATA_DIR to a directory that you may write, or set DATABASE_URL to a PostgreSQL server.",
      cause,
    );
  }
}
