import type { DatabaseSync } from "node:sqlite";
import type { SourceTable } from "@tenantry/schema/legacy";
import { quoteName } from "../convert/source-table.ts";
import { tableColumns } from "./table-columns.ts";

/** Collations under which values that are equal to the byte are always equal, and so can't both be there. */
const KNOWN_COLLATIONS = ["BINARY", "NOCASE", "RTRIM"];

interface IndexRow {
  readonly name: string;
  readonly unique: number;
  readonly origin: string;
  readonly partial: number;
}

interface IndexColumnRow {
  /** Negative for an expression or the rowid. */
  readonly cid: number;
  readonly name: string | null;
  readonly coll: string | null;
  readonly key: number;
}

/** A table's columns, what it holds unique, and how many rows it has. */
export function describeTable(db: DatabaseSync, name: string): SourceTable {
  const { columns, primaryKey } = tableColumns(db, name);
  const indexes = db.prepare(`PRAGMA main.index_list(${quoteName(name)})`).all() as unknown as IndexRow[];
  const unique = indexes
    .filter((index) => index.unique === 1 && index.partial === 0)
    .flatMap((index) => indexedColumns(db, index.name) ?? []);
  // A key without an index of its own is the rowid under another name.
  const isRowId = primaryKey.length > 0 && !indexes.some(({ origin }) => origin === "pk");
  // An index may have a collation that only the old program knows.
  const count = db.prepare(`SELECT count(*) AS rows FROM main.${quoteName(name)} NOT INDEXED`).get();
  return {
    name,
    columns,
    unique: isRowId ? [primaryKey, ...unique] : unique,
    rows: Number(count?.rows ?? 0),
  };
}

/** One set of columns; nothing for an index over expressions, or one with a collation of the old program's own. */
function indexedColumns(db: DatabaseSync, index: string): [readonly string[]] | null {
  const rows = db
    .prepare(`PRAGMA main.index_xinfo(${quoteName(index)})`)
    .all() as unknown as IndexColumnRow[];
  const keys = rows.filter(({ key }) => key === 1);
  const isPlain = keys.every(
    ({ cid, coll }) => cid >= 0 && KNOWN_COLLATIONS.includes(coll?.toUpperCase() ?? ""),
  );
  return isPlain ? [keys.flatMap(({ name }) => name ?? [])] : null;
}
