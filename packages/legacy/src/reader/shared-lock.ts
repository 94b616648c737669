import type { DatabaseSync } from "node:sqlite";
import { openShared } from "./database-file.ts";
import type { SourceFiles } from "./source-files.ts";
import { primaryCode, READONLY_ROLLBACK, RESULT, resultCode, Trouble } from "./trouble.ts";

/** A program that is just committing is waited for so long. */
const WAIT_MS = 1000;

export type SharedLock =
  /** Held until the connection is closed: nobody writes meanwhile. */
  | { readonly kind: "held"; readonly db: DatabaseSync }
  /** A writer was cut off, and its journal says what has to be undone. */
  | { readonly kind: "hot-journal" }
  /** The file's place knows no locks. That the file stays the same is seen by its hash. */
  | { readonly kind: "none" };

/**
 * Takes the lock that every reader of a database with a rollback journal takes. Nothing is written for it, and nothing is
 * made beside the file. (Not for write-ahead logs: to read them SQLite would make files there.)
 *
 * @throws Trouble SOURCE_BUSY; SQLite's error for a file that is damaged.
 */
export function takeSharedLock(files: SourceFiles): SharedLock {
  let db: DatabaseSync | null = null;
  try {
    db = openShared(files.path, WAIT_MS);
    db.exec("BEGIN; PRAGMA user_version");
    db.prepare("PRAGMA user_version").get();
    // SQLite takes a journal for another program's only when that holds the file locked.
    if (files.has("-journal")) {
      throw new Trouble("SOURCE_BUSY", "Another program is in the middle of writing to the file.");
    }
    return { kind: "held", db };
  } catch (error) {
    db?.close();
    if (resultCode(error) === READONLY_ROLLBACK) return { kind: "hot-journal" };
    const code = primaryCode(error);
    if (code === RESULT.inputOutput || code === RESULT.cannotOpen) return { kind: "none" };
    throw error;
  }
}
