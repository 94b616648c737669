import type { DatabaseSync } from "node:sqlite";
import type { ColumnPlan } from "@tenantry/schema/legacy";

/** How a table of the file is stored, as far as reading it depends on that. */
export interface SourceTable {
  readonly name: string;
  /** Columns in their order, without those that SQLite works out. */
  readonly columns: readonly string[];
  /**
   * An expression for the rowid: the column that is another name for it, or one of SQLite's own names that no column took.
   * Null for a table without one; its rows are then known by their places.
   */
  readonly rowId: string | null;
  /** The column that is another name for the rowid (`INTEGER PRIMARY KEY`). */
  readonly rowIdColumn: string | null;
  /** The order that makes rows' places the same each time. */
  readonly order: string;
}

/** Quotes a name of the file's for SQLite. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

interface ColumnRow {
  readonly name: string;
  readonly type: string;
  readonly pk: number;
}

/**
 * Reads how a table is stored. (Not by SQLite's `table_list`: that makes views and virtual tables ready, whichever table is
 * asked for.)
 */
export function sourceTable(db: DatabaseSync, name: string): SourceTable {
  const quoted = quoteName(name);
  const columns = db.prepare(`PRAGMA main.table_info(${quoted})`).all() as unknown as ColumnRow[];
  const key = columns.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk);
  const base = { name, columns: columns.map((column) => column.name) };
  // A table without rowids is its own index, and is told of by its name.
  if (db.prepare(`PRAGMA main.index_info(${quoted})`).all().length > 0) {
    const order = `ORDER BY ${key.map((column) => quoteName(column.name)).join(", ")}`;
    return { ...base, rowId: null, rowIdColumn: null, order };
  }
  const indexes = db.prepare(`PRAGMA main.index_list(${quoted})`).all() as { origin: string }[];
  const [only] = key;
  // `INTEGER PRIMARY KEY DESC` is none, by an old mistake of SQLite's: it has an index of its own.
  const aliased = key.length === 1 && only?.type.toUpperCase() === "INTEGER";
  const rowIdColumn = aliased && !indexes.some(({ origin }) => origin === "pk") ? only.name : null;
  const taken = new Set(columns.map((column) => column.name.toLowerCase()));
  const own = ["rowid", "_rowid_", "oid"].find((alias) => !taken.has(alias)) ?? null;
  const rowId = rowIdColumn === null ? own : quoteName(rowIdColumn);
  return { ...base, rowId, rowIdColumn, order: rowId === null ? "" : `ORDER BY ${rowId}` };
}

/** True of a column that is the rowid, as it is: integers, each its own. */
export function isRowId(table: SourceTable, { source, value, values, pattern }: ColumnPlan): boolean {
  const isPlain = value.kind === "integer" && values === undefined && pattern === undefined;
  return isPlain && source !== null && source === table.rowIdColumn;
}
