import type { Stats } from "node:fs";
import { lstat, mkdir, open, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCode, ofFiles } from "./file-fault.ts";
import { StoreError, storeFault } from "./store-error.ts";

/**
 * The path of a store's folder. Each step below the root must be a folder of its own: a link that somebody has put there
 * leads nowhere.
 *
 * @returns null when it isn't there, and the root is.
 */
export async function enterFolder(root: string, folder: string): Promise<string | null> {
  // A volume that isn't mounted must not pass for a store that has lost its backups.
  if ((await typeOf(stat(root))) === null) throw storeFault("away", "its folder isn't there");
  let path = root;
  for (const part of folder.split("/").filter(Boolean)) {
    path = join(path, part);
    const type = await typeOf(lstat(path));
    if (type === null) return null;
    if (type !== "folder") throw foreign();
  }
  return path;
}

/** The same, and makes what isn't there, for its owner alone. */
export async function makeFolder(root: string, folder: string): Promise<string> {
  await makeRoot(root);
  let path = root;
  for (const part of folder.split("/").filter(Boolean)) {
    path = join(path, part);
    await makeOne(path);
    if ((await typeOf(lstat(path))) === "other") throw foreign();
  }
  return path;
}

/** A new name is on the disk when its folder is. */
export async function syncFolder(path: string): Promise<void> {
  // Windows has no handle to a folder that could be flushed.
  if (process.platform === "win32") return;
  const handle = await open(path, "r").catch(unlessUnable);
  try {
    await handle?.sync().catch(unlessUnable);
  } finally {
    await handle?.close();
  }
}

/** Some file systems flush no folders, and in one that may be written and not read there is nothing to be done about it. */
function unlessUnable(error: unknown): null {
  if (["EACCES", "EINVAL", "ENOTSUP"].includes(errorCode(error) ?? "")) return null;
  throw error;
}

/** The root itself may be a link, or lie behind one: it is the operator's. `recursive` of Node's own never ends where a file system takes no folders. */
async function makeRoot(path: string): Promise<void> {
  try {
    await makeOne(path);
  } catch (error) {
    if (errorCode(Reflect.get(Object(error), "cause")) !== "ENOENT" || dirname(path) === path) throw error;
    await makeRoot(dirname(path));
    await makeOne(path);
  }
}

async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (errorCode(error) === "EEXIST") return;
    await ofFiles(Promise.reject(error));
  }
  await ofFiles(syncFolder(dirname(path)));
}

async function typeOf(asked: Promise<Stats>): Promise<"folder" | "other" | null> {
  try {
    return (await asked).isDirectory() ? "folder" : "other";
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    return ofFiles(Promise.reject(error));
  }
}

function foreign(): StoreError {
  return new StoreError("invalid", "Something that is no folder stands where the backup store has one.");
}
