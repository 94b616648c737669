import { accessSync, constants, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
import { waitUntil } from "./wait-until.ts";

const LOCK_FILE = "postgres.lock";
const SQLITE_BUSY = 5;

/**
 * Runs `work` while nobody else, in this process or another, does so for the same `dataDir`.
 *
 * The lock is SQLite's own on an empty database file: the operating system lets go of it when its holder
 * dies, however it dies, so there is no stale lock to recognise or to break.
 *
 * @throws EmbeddedPostgresError EMBEDDED_LOCK_TIMEOUT when it isn't free within `timeoutMs`,
 *   EMBEDDED_DATA_DIR_UNUSABLE when the lock file can't be written
 */
export async function withDataDirLock<T>(
  dataDir: string,
  work: () => Promise<T>,
  timeoutMs: number,
): Promise<T> {
  const path = join(dataDir, LOCK_FILE);
  const lock = await waitUntil(() => tryLock(path), timeoutMs, 25);
  if (lock === undefined) {
    throw new EmbeddedPostgresError(
      "EMBEDDED_LOCK_TIMEOUT",
      `Another process has been starting or stopping PostgreSQL in ${dataDir} for over ${timeoutMs / 1000} s.`,
      "Look for a hung process that uses this data directory, end it, and start again.",
    );
  }
  try {
    return await work();
  } finally {
    lock.close();
  }
}

/** The lock file's path, for the one who removes a whole data directory while holding it. */
export function lockFile(dataDir: string): string {
  return join(dataDir, LOCK_FILE);
}

function tryLock(path: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    // SQLite would content itself with reading a file that it may not write, and exclude nobody.
    accessSync(path, constants.W_OK);
    const opened = inode(path);
    // No journal file beside it: nothing is ever written, and a directory that is removed must be empty.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    // The last user of an ephemeral directory removes it: a lock on a removed file excludes nobody.
    if (opened !== undefined && opened === inode(path)) return database;
    database.close();
  } catch (error) {
    database?.close();
    if (!(error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY)) {
      throw unusable(dirname(path), error);
    }
  }
  return undefined;
}

function unusable(dataDir: string, cause: unknown): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    "EMBEDDED_DATA_DIR_UNUSABLE",
    `The data directory ${dataDir} can't be written.`,
    "Set DATA_DIR to a directory that you own and may write, or set DATABASE_URL to a PostgreSQL server.",
    cause,
  );
}

function inode(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}
