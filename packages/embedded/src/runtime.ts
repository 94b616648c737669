import {
  access,
  chmod,
  constants,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
} from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
import { errorCode } from "./error-code.ts";
import type { PlatformPackage } from "./platform-package.ts";
import { isAlive } from "./processes.ts";

/** PostgreSQL's programs, complete and executable. */
export interface Runtime {
  readonly postgres: string;
  readonly initdb: string;
  readonly pgCtl: string;
}

/**
 * Makes the installed package runnable where it lies, as its install script would have: executable bits
 * and the libraries' symlinks. Several processes may do so at once.
 *
 * @throws a system error (EACCES, EPERM, EROFS) when something is missing and the package can't be written
 */
export async function completeInPlace(source: PlatformPackage): Promise<Runtime> {
  await makeExecutable(source.root, source);
  await linkLibraries(source.root);
  return runtimeIn(source.root, source);
}

/**
 * Copies the package to `target` unless it is there already. The copy is readable by everybody and appears
 * whole or not at all; of several processes that make it at once, one wins and the others use its copy.
 *
 * @throws EmbeddedPostgresError EMBEDDED_RUNTIME_FAILED when the copy can't be made
 */
export async function copyRuntime(source: PlatformPackage, target: string): Promise<Runtime> {
  try {
    if (!(await exists(target))) await copyOnce(source, target);
  } catch (cause) {
    throw new EmbeddedPostgresError(
      "EMBEDDED_RUNTIME_FAILED",
      `PostgreSQL's programs could not be copied to ${target}.`,
      "Make sure that this directory can be written and has 100 MB free, or set DATABASE_URL to a PostgreSQL server.",
      cause,
    );
  }
  return runtimeIn(target, source);
}

async function copyOnce(source: PlatformPackage, target: string): Promise<void> {
  const parent = dirname(target);
  await mkdir(parent, { recursive: true });
  await removeAbandonedCopies(parent, basename(target));
  const copy = await mkdtemp(join(parent, `${copyPrefix(basename(target))}${process.pid}-`));
  try {
    await copyTree(join(source.root, "native"), join(copy, "native"));
    await makeExecutable(copy, source);
    await linkLibraries(copy);
    await chmod(copy, 0o755);
    await rename(copy, target).catch(async (error) => {
      if (!(await exists(target))) throw error;
    });
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** Symlinks are left out: the package's list of them makes them anew. */
async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to);
  // Explicit modes: neither the caller's umask nor the checkout's may hide the copy from the server's user.
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyTree(source, target);
    else if (entry.isFile()) {
      await copyFile(source, target);
      await chmod(target, 0o644);
    }
  }
}

async function makeExecutable(root: string, { programs }: PlatformPackage): Promise<void> {
  for (const program of Object.values(programs)) {
    const path = join(root, program);
    await access(path, constants.X_OK).catch(() => chmod(path, 0o755));
  }
}

async function linkLibraries(root: string): Promise<void> {
  for (const { source, target } of await readLinks(root)) {
    const link = join(root, target);
    await symlink(relative(dirname(target), source), link).catch(async (error) => {
      // There already; a read-only installation may complain of that first.
      if (!(await exists(link))) throw error;
    });
  }
}

async function readLinks(root: string): Promise<{ source: string; target: string }[]> {
  try {
    return JSON.parse(await readFile(join(root, "native", "pg-symlinks.json"), "utf8"));
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}

async function removeAbandonedCopies(parent: string, name: string): Promise<void> {
  for (const entry of await readdir(parent)) {
    if (!entry.startsWith(copyPrefix(name))) continue;
    const pid = Number.parseInt(entry.slice(copyPrefix(name).length), 10);
    if (!(await isAlive(pid))) await rm(join(parent, entry), { recursive: true, force: true });
  }
}

function copyPrefix(name: string): string {
  return `.copy-${name}-`;
}

function runtimeIn(root: string, { programs }: PlatformPackage): Runtime {
  return {
    postgres: join(root, programs.postgres),
    initdb: join(root, programs.initdb),
    pgCtl: join(root, programs.pgCtl),
  };
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
