import { chown, mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CLUSTER_NAME, type Cluster } from "./cluster.ts";
import { generatePassword, SUPERUSER, writeCredentials } from "./credentials.ts";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
import { type Identity, runCommand } from "./run-command.ts";

/**
 * Creates the cluster at `cluster.path`. It is made beside its place and put there last, after its
 * credentials: whatever happens halfway, there is a cluster with its password, or none. Call it under the
 * data directory's lock.
 *
 * @throws EmbeddedPostgresError EMBEDDED_INITDB_FAILED
 */
export async function createCluster(cluster: Cluster, ephemeral: boolean): Promise<void> {
  const { dataDir, path } = cluster;
  const parent = dirname(path);
  // Of this cluster's kind alone: the parent may hold the clusters of other data directories.
  const prefix = `.initdb-${basename(path).split("-")[0]}-`;
  await removeLeftovers(parent, prefix);
  const workshop = await mkdtemp(join(parent, prefix));
  try {
    const password = generatePassword();
    const made = await initialize(cluster, workshop, password, ephemeral);
    await writeCredentials(dataDir, { password, ephemeral });
    await rename(made, path);
    const name = join(dataDir, CLUSTER_NAME);
    if (path !== name) await symlink(path, name);
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
}

async function initialize(
  { runtime, identity }: Cluster,
  workshop: string,
  password: string,
  ephemeral: boolean,
): Promise<string> {
  const passwordFile = join(workshop, "password");
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600, flag: "wx" });
  const made = join(workshop, "cluster");
  await mkdir(made, { mode: 0o700 });
  for (const each of [passwordFile, made, workshop]) await give(each, identity);
  const { exitCode, output } = await runCommand(
    runtime.initdb,
    [
      ...["--pgdata", made, "--username", SUPERUSER, "--pwfile", passwordFile],
      ...["--auth", "scram-sha-256", "--encoding", "UTF8"],
      // The built-in provider sorts and folds alike on every machine and needs none of its locales.
      ...["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"],
      ...(ephemeral ? ["--no-sync"] : []),
    ],
    { ...identity, cwd: dirname(runtime.initdb) },
  );
  if (exitCode !== 0) {
    throw new EmbeddedPostgresError(
      "EMBEDDED_INITDB_FAILED",
      `A PostgreSQL cluster could not be created in ${dirname(workshop)}.`,
      "See the cause for what initdb says: often the disk is full or a library is missing. Or set DATABASE_URL to a PostgreSQL server.",
      new Error(output),
    );
  }
  return made;
}

async function give(path: string, { uid, gid }: Identity): Promise<void> {
  if (uid !== undefined && gid !== undefined) await chown(path, uid, gid);
}

async function removeLeftovers(parent: string, prefix: string): Promise<void> {
  for (const entry of await readdir(parent)) {
    // An initdb that outlived its starter may still be writing here, hence the retries.
    if (entry.startsWith(prefix)) {
      await rm(join(parent, entry), { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    }
  }
}
