import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isAlive, processStart } from "./processes.ts";

/** Notes that this process uses the cluster. Returns the note's path. Call it under the data directory's lock. */
export async function registerUser(dataDir: string): Promise<string> {
  const directory = usersDirectory(dataDir);
  await mkdir(directory, { recursive: true });
  const file = join(directory, `${process.pid}-${randomBytes(6).toString("hex")}`);
  // Renamed into place: a half-written note after a crash would count as a user without a start time.
  await writeFile(`${file}.tmp`, await processStart(process.pid));
  await rename(`${file}.tmp`, file);
  return file;
}

/**
 * Takes our note away, and those of processes that died without doing so. Call it under the data
 * directory's lock.
 *
 * @returns how many users are left
 */
export async function unregisterUser(dataDir: string, file: string): Promise<number> {
  await rm(file, { force: true });
  const directory = usersDirectory(dataDir);
  const notes = await readdir(directory).catch(() => []);
  let left = 0;
  for (const note of notes) {
    if (await isCurrent(directory, note)) left += 1;
    else await rm(join(directory, note), { force: true });
  }
  if (left === 0) await rmdir(directory).catch(() => undefined);
  return left;
}

export function usersDirectory(dataDir: string): string {
  return join(dataDir, "postgres-users");
}

async function isCurrent(directory: string, note: string): Promise<boolean> {
  if (note.endsWith(".tmp")) return false;
  const pid = Number.parseInt(note, 10);
  if (!Number.isInteger(pid) || !(await isAlive(pid))) return false;
  const start = await readFile(join(directory, note), "utf8").catch(() => "");
  return start === "" || start === (await processStart(pid));
}
