import type { DatabaseSync, SQLInputValue } from "node:sqlite";

/** SQL that stands for a value which no JavaScript value can be bound as. */
export interface SqlValue {
  readonly sql: string;
}

export type PlantedValue = SQLInputValue | SqlValue;

/** Text whose bytes are no UTF-8. */
export const NOT_UTF8: SqlValue = { sql: "CAST(x'61C32862' AS TEXT)" };
/** Text with a NUL in its middle. */
export const WITH_NUL: SqlValue = { sql: "'a' || char(0) || 'b'" };
export const INFINITY: SqlValue = { sql: "9e999" };
export const MINUS_INFINITY: SqlValue = { sql: "-9e999" };
export const INT8_MAX = 9_223_372_036_854_775_807n;
export const INT8_MIN = -9_223_372_036_854_775_808n;

/** Puts any values into one row that is there, by its rowid, past what the table's columns declare. */
export function plant(
  db: DatabaseSync,
  table: string,
  rowid: number | bigint,
  values: Readonly<Record<string, PlantedValue>>,
): void {
  const columns = Object.keys(values);
  const set = columns.map((column) => `${quoteName(column)} = ${placeOf(values[column])}`).join(", ");
  const done = db
    .prepare(`UPDATE ${quoteName(table)} SET ${set} WHERE rowid = ?`)
    .run(...Object.values(values).filter(isBound), rowid);
  if (done.changes !== 1) throw new Error(`${table} has no row ${rowid}`);
}

/** Adds a row of exactly these values. */
export function insertRow(
  db: DatabaseSync,
  table: string,
  row: Readonly<Record<string, PlantedValue>>,
): void {
  const columns = Object.keys(row).map(quoteName).join(", ");
  const places = Object.values(row).map(placeOf).join(", ");
  db.prepare(`INSERT INTO ${quoteName(table)} (${columns}) VALUES (${places})`).run(
    ...Object.values(row).filter(isBound),
  );
}

/** A name in SQLite's SQL, whatever is in it. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function placeOf(value: PlantedValue | undefined): string {
  return value !== undefined && !isBound(value) ? value.sql : "?";
}

function isBound(value: PlantedValue): value is SQLInputValue {
  return !(value !== null && typeof value === "object" && "sql" in value);
}
