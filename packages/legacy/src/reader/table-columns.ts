import type { DatabaseSync } from "node:sqlite";
import type { SourceColumn } from "@tenantry/schema/legacy";
import { quoteName } from "../convert/source-table.ts";
import { invalid } from "./trouble.ts";

interface ColumnRow {
  readonly name: string;
  readonly type: string;
  readonly pk: number;
  readonly hidden: number;
}

export interface TableColumns {
  readonly columns: readonly SourceColumn[];
  /** Names of the primary key's columns, in its order; empty without one. */
  readonly primaryKey: readonly string[];
}

/** `hidden` of a generated column that isn't stored: reading it works it out. */
const VIRTUAL_COLUMN = 2;

/** Functions that a generated column may use: they cost no more than their arguments' length. */
const HARMLESS_FUNCTIONS = new Set(
  (
    "abs ceil ceiling coalesce concat concat_ws date datetime floor hex ifnull iif instr julianday length lower ltrim max min " +
    "mod nullif quote round rtrim sign strftime substr substring time timediff trim trunc typeof unicode unixepoch upper"
  ).split(" "),
);

/**
 * A table's columns in their order. Generated ones are among them, but for those that SQLite would have to work out by
 * functions other than harmless ones.
 *
 * @throws Trouble for names that can't be told.
 */
export function tableColumns(db: DatabaseSync, table: string): TableColumns {
  const rows = db.prepare(`PRAGMA main.table_xinfo(${quoteName(table)})`).all() as unknown as ColumnRow[];
  const readable = rows.filter(
    ({ name, hidden }) => hidden !== VIRTUAL_COLUMN || isHarmless(db, table, name),
  );
  // Names that aren't UTF-8 come as others, by which nothing is found.
  if (
    rows.length === 0 ||
    readable.some(({ name }) => name.includes("\ufffd") && !isFound(db, table, name))
  ) {
    throw invalid("The file has a table or column whose name isn't UTF-8.");
  }
  return {
    columns: readable.map(({ name, type }) => ({ name, type })),
    primaryKey: rows
      .filter(({ pk }) => pk > 0)
      .sort((one, other) => one.pk - other.pk)
      .map(({ name }) => name),
  };
}

/** Looks at the program that SQLite makes for reading the column, without running it. */
function isHarmless(db: DatabaseSync, table: string, column: string): boolean {
  try {
    const steps = db.prepare(`EXPLAIN SELECT ${quoteName(column)} FROM main.${quoteName(table)}`).all();
    return steps
      .filter(({ opcode }) => opcode === "Function" || opcode === "PureFunc")
      .every(({ p4 }) => HARMLESS_FUNCTIONS.has(String(p4).replace(/\(.*$/, "")));
  } catch {
    return false;
  }
}

function isFound(db: DatabaseSync, table: string, column: string): boolean {
  try {
    db.prepare(`SELECT ${quoteName(column)} FROM main.${quoteName(table)}`);
    return true;
  } catch {
    return false;
  }
}
