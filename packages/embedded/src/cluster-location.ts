import { createHash, randomBytes } from "node:crypto";
import { chmod, lstat, mkdir, readdir, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CLUSTER_NAME, SYSTEM_DIRECTORY } from "./cluster.ts";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
import { type Identity, runCommand } from "./run-command.ts";
import { ensureServiceUser, isRoot } from "./service-user.ts";

export interface ClusterLocation {
  /** Where PostgreSQL's data directory is, or is to be. */
  readonly path: string;
  readonly exists: boolean;
  readonly identity: Identity;
}

/**
 * Where the cluster of `dataDir` (an absolute path without symlinks) is or belongs, and who runs it. An
 * existing cluster is run by its owner.
 *
 * @throws EmbeddedPostgresError EMBEDDED_DATA_DIR_UNUSABLE, EMBEDDED_NO_UNPRIVILEGED_USER
 */
export async function locateCluster(dataDir: string): Promise<ClusterLocation> {
  const name = join(dataDir, CLUSTER_NAME);
  const found = await lstat(name).catch(() => undefined);
  if (found) return existingCluster(dataDir, name);
  if (!isRoot()) return { path: name, exists: false, identity: {} };
  const identity = await ensureServiceUser();
  if (await canEnter(dataDir, identity)) return { path: name, exists: false, identity };
  return { path: await systemPath(dataDir), exists: false, identity };
}

/** Clusters made for a data directory of this path in the system directory; the oldest may be forgotten ones. */
export async function systemClusters(dataDir: string): Promise<string[]> {
  const directory = clustersDirectory();
  const entries = await readdir(directory).catch(() => []);
  return entries
    .filter((entry) => entry.startsWith(`${pathHash(dataDir)}-`))
    .map((entry) => join(directory, entry));
}

async function existingCluster(dataDir: string, name: string): Promise<ClusterLocation> {
  const path = await realpath(name).catch((cause) => {
    throw new EmbeddedPostgresError(
      "EMBEDDED_DATA_DIR_UNUSABLE",
      `${name} points to a PostgreSQL cluster that can't be reached.`,
      `Bring back the directory that it points to, or remove ${name} to begin with an empty cluster.`,
      cause,
    );
  });
  if (!isRoot()) return { path, exists: true, identity: {} };
  const { uid, gid } = await stat(path);
  const identity = uid === 0 ? await ensureServiceUser() : { uid, gid };
  // Somebody copied the directory as root; PostgreSQL would refuse files that aren't its user's.
  if (uid === 0) await runCommand("chown", ["-R", "-P", `${identity.uid}:${identity.gid}`, path]);
  if (!(await canEnter(path, identity))) {
    throw new EmbeddedPostgresError(
      "EMBEDDED_DATA_DIR_UNUSABLE",
      `The user who owns the cluster in ${path} (uid ${identity.uid}) may not enter the directories above it.`,
      `Let others pass through them (chmod o+x, up from ${dataDir}), or move the data directory elsewhere.`,
    );
  }
  return { path, exists: true, identity };
}

/** A new name each time: a data directory that was moved away keeps pointing to the cluster it had. */
async function systemPath(dataDir: string): Promise<string> {
  const directory = clustersDirectory();
  await mkdir(directory, { recursive: true });
  for (const each of [dirname(directory), directory]) await chmod(each, 0o755);
  return join(directory, `${pathHash(dataDir)}-${randomBytes(4).toString("hex")}`);
}

function clustersDirectory(): string {
  return join(SYSTEM_DIRECTORY, "clusters");
}

function pathHash(dataDir: string): string {
  return createHash("sha256").update(dataDir).digest("hex").slice(0, 16);
}

/** Asked of the kernel rather than of mode bits, which know nothing of access lists. */
async function canEnter(directory: string, identity: Identity): Promise<boolean> {
  const { exitCode } = await runCommand("/bin/sh", ["-c", 'cd -- "$1"', "sh", directory], {
    ...identity,
    cwd: "/",
  });
  return exitCode === 0;
}
