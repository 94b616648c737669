import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import { CliError } from "../output/describe-problem.ts";

const SQLITE_BUSY = 5;
const POLL_MS = 25;
const TIMEOUT_MS = 30_000;

/**
 * Runs `work` while nobody else, in this process or another, does so with the same lock file. It is SQLite's own lock:
 * the operating system lets go of it when its holder dies.
 *
 * @throws CliError DATA_DIR_BUSY when it isn't free in time, DATA_DIR_UNUSABLE when it can't be written.
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const giveUpAt = Date.now() + TIMEOUT_MS;
  for (;;) {
    const lock = tryLock(path);
    if (lock !== undefined) {
      try {
        return await work();
      } finally {
        lock.close();
      }
    }
    if (Date.now() > giveUpAt) {
      throw new CliError(
        "DATA_DIR_BUSY",
        `Another process holds ${path}.`,
        "Look for a hung process that uses this DATA_DIR, end it, and start again.",
      );
    }
    await wait(POLL_MS);
  }
}

function tryLock(path: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) return undefined;
    throw new CliError(
      "DATA_DIR_UNUSABLE",
      `${path} can't be written.`,
      "Set DATA_DIR to a directory that you may write.",
      error,
    );
  }
}
