import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { SqliteValue } from "./values/value.ts";

/** What reading a file needs. */
export interface Source {
  readonly db: DatabaseSync;
  /** Called now and then while rows are read, also where nothing is given away. */
  readonly onWork: () => void;
}

const ROWS_BETWEEN_SIGNS = 4096;

/**
 * Runs a query and hands over its rows. Integers are BigInts, since a driver that reads them as numbers fails at the first
 * beyond 2^53.
 *
 * @throws the driver's error for a page that can't be read; what `onRow` throws, which ends the reading.
 */
export function eachRow(
  { db, onWork }: Source,
  sql: string,
  onRow: (row: readonly SqliteValue[]) => void,
  ...parameters: readonly SQLInputValue[]
): void {
  const statement = db.prepare(sql);
  statement.setReturnArrays(true);
  statement.setReadBigInts(true);
  let rows = 0;
  for (const row of statement.iterate(...parameters) as Iterable<unknown>) {
    if (++rows % ROWS_BETWEEN_SIGNS === 0) onWork();
    onRow(row as readonly SqliteValue[]);
  }
}
