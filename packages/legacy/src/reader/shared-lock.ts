import { readFileSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { openShared } from "./database-file.ts";
import type { SourceFiles } from "./source-files.ts";
import { primaryCode, RESULT, Trouble } from "./trouble.ts";

/** A program that is just committing is waited for so long. */
const WAIT_MS = 1000;

const LOCKED = "Another program has locked the file to write to it.";

/**
 * Takes the lock that every reader of a database with a rollback journal takes: held until the connection is closed,
 * nobody writes meanwhile. Only for a file with nothing beside it: SQLite would open a journal that it finds, change its
 * owner when we are root, and delete an empty write-ahead log.
 *
 * @returns null where the file's place knows no locks; that it stays the same is seen by its hash then.
 * @throws Trouble SOURCE_BUSY; SQLite's error for a file that is damaged.
 */
export function takeSharedLock(files: SourceFiles): DatabaseSync | null {
  let db: DatabaseSync | null = null;
  try {
    db = openShared(files.path, WAIT_MS);
    db.exec("BEGIN");
    db.prepare("PRAGMA user_version").get();
    return db;
  } catch (error) {
    db?.close();
    const code = primaryCode(error);
    if (code === RESULT.inputOutput || code === RESULT.cannotOpen) return null;
    // A journal that wasn't there a moment ago.
    if (code === RESULT.busy || code === RESULT.readOnly) throw new Trouble("SOURCE_BUSY", LOCKED);
    throw error;
  }
}

/** SQLite's locks lie on these bytes, whatever the file's size (sqlite.org/lockingv3.html). */
const PENDING_BYTE = 0x4000_0000;
const LAST_SHARED_BYTE = PENDING_BYTE + 511;
const LOCKS = "/proc/locks";
const LOCK = /^\d+: (?:POSIX|OFDLCK) +\S+ +WRITE +-?\d+ ([0-9a-f]+):([0-9a-f]+):(\d+) (\d+) (\d+|EOF)$/;

/**
 * Looks whether a program of this machine holds a file locked for writing, without touching the file: as far as the
 * system tells (Linux). What it doesn't tell of is seen when the file changes.
 *
 * @throws Trouble SOURCE_BUSY
 */
export function refuseLocked(files: SourceFiles): void {
  const { dev, ino } = files.identity;
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  for (const line of locks()) {
    const [, itsMajor, itsMinor, itsInode, first, last] = LOCK.exec(line) ?? [];
    if (itsMajor === undefined || BigInt(`0x${itsMajor}`) !== major || BigInt(`0x${itsMinor}`) !== minor)
      continue;
    const isSqlites = Number(first) <= LAST_SHARED_BYTE && (last === "EOF" || Number(last) >= PENDING_BYTE);
    if (itsInode === `${ino}` && isSqlites) throw new Trouble("SOURCE_BUSY", LOCKED);
  }
}

function locks(): string[] {
  try {
    return readFileSync(LOCKS, "utf8").split("\n");
  } catch {
    return [];
  }
}
