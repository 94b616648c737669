import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { LegacyValue } from "../import-plan.ts";
import type { LegacyEntry, LegacyFolder } from "../legacy-system.ts";
import { type SourceDescription, SourceError } from "../source-description.ts";

/** A source's folder, read where it lies: for files that a test has made itself, or that are known to be good. */
export function sqliteFolder(root: string): LegacyFolder {
  return {
    name: "source",
    list: async (path) => listFolder(join(root, path)),
    rows: async (path, table) => read(root, path, (db) => tableRows(db, table)),
    json: async (path) => {
      try {
        return JSON.parse(readFileSync(join(root, path), "utf8"));
      } catch (error) {
        throw new SourceError("SOURCE_INVALID", path, "It is no JSON.", { cause: error });
      }
    },
  };
}

function listFolder(path: string): LegacyEntry[] {
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .map((entry): LegacyEntry => {
      const kind = entry.isFile() ? "file" : entry.isDirectory() ? "folder" : "other";
      return { name: entry.name, kind };
    })
    .sort((one, other) => Buffer.compare(Buffer.from(one.name), Buffer.from(other.name)));
}

function tableRows(db: DatabaseSync, table: string): Record<string, LegacyValue>[] | null {
  const known = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name = ?").get(table);
  if (known === undefined) return null;
  return db
    .prepare(`SELECT * FROM ${quote(table)}`)
    .all()
    .map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])));
}

function plain(value: unknown): LegacyValue {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString("base64") };
  return value as LegacyValue;
}

/** What `planImport` is told of a file. */
export function describeSqlite(root: string, path: string): SourceDescription {
  return read(root, path, (db) => ({
    sha256: "0".repeat(64),
    bytes: readFileSync(join(root, path)).length,
    tables: names(db, "table")
      .filter((name) => !name.startsWith("sqlite_"))
      .map((name) => ({
        name,
        columns: db
          .prepare("SELECT name, type FROM pragma_table_info(?)")
          .all(name)
          .map((column) => ({ name: String(column.name), type: String(column.type) })),
        unique: uniqueSets(db, name),
        rows: Number(db.prepare(`SELECT count(*) AS count FROM ${quote(name)}`).get()?.count),
      })),
    leftOut: (["view", "trigger"] as const).flatMap((kind) =>
      names(db, kind).map((name) => ({ name, kind })),
    ),
  }));
}

function uniqueSets(db: DatabaseSync, table: string): string[][] {
  const key = db.prepare("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk").all(table);
  const indexes = db
    .prepare(`SELECT name FROM pragma_index_list(?) WHERE "unique" AND NOT partial`)
    .all(table);
  const columns = (index: unknown) =>
    db.prepare("SELECT name FROM pragma_index_info(?) ORDER BY seqno").all(String(index));
  return [key, ...indexes.map(({ name }) => columns(name))]
    .map((set) => set.map(({ name }) => String(name)))
    .filter((set) => set.length > 0);
}

function names(db: DatabaseSync, type: string): string[] {
  return db
    .prepare("SELECT name FROM sqlite_schema WHERE type = ? ORDER BY rowid")
    .all(type)
    .map(({ name }) => String(name));
}

function read<T>(root: string, path: string, work: (db: DatabaseSync) => T): T {
  const file = join(root, path);
  if (!existsSync(file)) throw new SourceError("SOURCE_NOT_FOUND", path, "It isn't there.");
  try {
    const db = new DatabaseSync(`file:${encodeURI(file)}?immutable=1`, { readOnly: true });
    try {
      return work(db);
    } finally {
      db.close();
    }
  } catch (error) {
    throw new SourceError("SOURCE_INVALID", path, "It can't be read.", { cause: error });
  }
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
