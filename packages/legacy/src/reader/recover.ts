import { closeSync, mkdtempSync, openSync, readSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { checkLength, HEADER_BYTES, openCopy, readHeader } from "./database-file.ts";
import type { SourceFiles } from "./source-files.ts";
import { invalid, Trouble } from "./trouble.ts";

/** Ends a journal that belongs to a transaction over several files, and comes before their names. */
const JOURNAL_MAGIC = Buffer.from("d9d505f920a163d7", "hex");

export interface Recovered {
  readonly path: string;
  readonly sha256: string;
  /** Removes the copy. May be called as soon as it is open, where a file can live on without a name. */
  remove(): void;
}

/**
 * Copies a database and what lies beside it, and has SQLite bring the copy to the state of the last commit: committed
 * rows of a write-ahead log come in, a transaction that was cut off is rolled back. The original stays as it is.
 *
 * @param folder private, for the copy.
 * @throws Trouble SOURCE_BUSY for files that change while they are copied; SQLite's and the file system's errors.
 */
export function recoverCopy(files: SourceFiles, folder: string, onChunk: () => void): Recovered {
  // Rolling such a journal back makes SQLite delete a file whose name the journal gives: any file.
  if (files.tail("-journal", JOURNAL_MAGIC.length).equals(JOURNAL_MAGIC)) {
    throw invalid(
      "The journal beside the file belongs to a transaction over several files. " +
        "Open the database once with the program that it belongs to, or with sqlite3, and close it again.",
    );
  }
  const place = placeIn(folder);
  const remove = (): void => rmSync(place, { recursive: true, force: true });
  try {
    const { path, sha256 } = files.copyTo(place, onChunk);
    if (!files.looksUntouched() || files.hash(onChunk) !== sha256) {
      throw new Trouble("SOURCE_BUSY", "Another program is writing to the file.");
    }
    const db = openCopy(path);
    try {
      db.prepare("PRAGMA user_version").get();
      db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
    } finally {
      db.close();
    }
    checkLength(readHeader(firstBytes(path)), statSync(path).size);
    return { path, sha256, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

function firstBytes(path: string): Buffer {
  const fd = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(HEADER_BYTES);
    return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(fd);
  }
}

function placeIn(folder: string): string {
  try {
    return mkdtempSync(join(folder, "copy-"));
  } catch (error) {
    throw new Trouble("READER_LOST", "The temporary folder for a copy of the file is gone.", {
      cause: error,
    });
  }
}
