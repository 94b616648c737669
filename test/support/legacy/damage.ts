import { closeSync, copyFileSync, existsSync, openSync, renameSync, truncateSync, writeSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

/** Overwrites one page (counted from 1, as SQLite counts) with what no page begins with. */
export function corruptPage(file: string, page: number): void {
  const pageSize = readPageSize(file);
  const handle = openSync(file, "r+");
  try {
    writeSync(handle, Buffer.alloc(pageSize, 0xa5), 0, pageSize, (page - 1) * pageSize);
  } finally {
    closeSync(handle);
  }
}

/** Cuts a file off in the middle of a page, as a copy that ended too early. */
export function truncateDatabase(file: string, pagesKept: number): void {
  truncateSync(file, readPageSize(file) * pagesKept + 100);
}

/** The page on which a table begins. */
export function rootPage(file: string, table: string): number {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const row = db.prepare("SELECT rootpage FROM sqlite_master WHERE name = ?").get(table);
    return Number(row?.rootpage);
  } finally {
    db.close();
  }
}

/**
 * Leaves a file as a program does that was killed: what `change` committed stands in the write-ahead log beside it, and
 * not in the file yet. Without the log the file is whole, but older.
 */
export function leaveInWal(file: string, change: (db: DatabaseSync) => void): void {
  const db = new DatabaseSync(file, { enableForeignKeyConstraints: false });
  try {
    db.exec("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0");
    change(db);
    copyFileSync(file, `${file}.kept`);
    copyFileSync(`${file}-wal`, `${file}.kept-wal`);
  } finally {
    db.close();
  }
  putBack(file, "-wal");
}

/**
 * Leaves a file as a program does that was killed while it wrote: `change` is in the file, its rollback journal beside it
 * says that it was never committed.
 */
export function leaveInJournal(file: string, change: (db: DatabaseSync) => void): void {
  const db = new DatabaseSync(file, { enableForeignKeyConstraints: false });
  try {
    // Hardly any memory for pages: what is changed goes into the file before the commit.
    db.exec("PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; PRAGMA cache_spill = ON; BEGIN IMMEDIATE");
    change(db);
    if (!existsSync(`${file}-journal`)) throw new Error("too little was changed for it to reach the file");
    copyFileSync(file, `${file}.kept`);
    copyFileSync(`${file}-journal`, `${file}.kept-journal`);
    db.exec("ROLLBACK");
  } finally {
    db.close();
  }
  putBack(file, "-journal");
}

/** Holds a file as a program does that is writing to it, until what is returned is called. */
export function holdLocked(file: string): () => void {
  const db = new DatabaseSync(file);
  db.exec("BEGIN EXCLUSIVE");
  return () => {
    db.exec("ROLLBACK");
    db.close();
  };
}

function putBack(file: string, sidecar: string): void {
  renameSync(`${file}.kept`, file);
  renameSync(`${file}.kept${sidecar}`, `${file}${sidecar}`);
}

function readPageSize(file: string): number {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    return Number(db.prepare("PRAGMA page_size").get()?.page_size);
  } finally {
    db.close();
  }
}
