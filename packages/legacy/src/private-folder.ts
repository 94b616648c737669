import { createHash } from "node:crypto";
import { lstat, mkdtemp, readdir, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, join } from "node:path";

/** Names of private folders tell whose they are, so that those of dead processes can be told from others'. */
const PREFIX = "tenantry-reader-";
const NAME = /^tenantry-reader-([0-9a-f]{8})-(\d+)-/;

/** Those of this process. */
const own = new Set<string>();

/**
 * Makes a folder that nobody but this user can look into (mode 0700), for copies of sources that can't be read where they
 * lie.
 *
 * @returns its absolute path.
 */
export async function makePrivateFolder(parent: string): Promise<string> {
  const folder = await mkdtemp(join(parent, `${PREFIX}${machine()}-${process.pid}-`));
  own.add(basename(folder));
  return folder;
}

export async function removePrivateFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  own.delete(basename(folder));
}

/** Removes what processes of this machine and user that were killed have left behind. Never throws: it is only tidying. */
export async function sweepPrivateFolders(parent: string): Promise<void> {
  const names = await readdir(parent).catch(() => []);
  for (const name of names) {
    const [, where, pid] = NAME.exec(name) ?? [];
    if (where !== machine() || own.has(name)) continue;
    if (Number(pid) !== process.pid && isAlive(Number(pid))) continue;
    const folder = join(parent, name);
    const stats = await lstat(folder).catch(() => null);
    if (stats?.isDirectory() && stats.uid === (process.getuid?.() ?? stats.uid)) {
      await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    }
  }
}

/** Containers that share a folder don't know each other's processes. */
function machine(): string {
  return createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
