import type { DatabaseSync } from "node:sqlite";
import { quoteName } from "./source-table.ts";
import type { SqliteValue } from "./values/value.ts";
import type { TableWork } from "./work.ts";

/**
 * Reads a table's rows in the order of their ids: for each, its selected values and its id. Integers are BigInts, since a
 * driver that reads them as numbers fails at the first beyond 2^53.
 *
 * @throws the driver's error for a page that can't be read.
 */
export function scanTable(
  db: DatabaseSync,
  work: TableWork,
  onRow: (values: readonly SqliteValue[], rowId: string) => void,
): void {
  const { table, selected, rowIdPlace } = work;
  const names = selected.map(quoteName);
  if (rowIdPlace === selected.length && table.rowId !== null) names.push(table.rowId);
  const rows = db.prepare(
    `SELECT ${names.length === 0 ? "NULL" : names.join(", ")} FROM main.${quoteName(table.name)} ${table.order}`,
  );
  rows.setReturnArrays(true);
  rows.setReadBigInts(true);
  let place = 0;
  for (const row of rows.iterate() as Iterable<unknown> as Iterable<readonly SqliteValue[]>) {
    place++;
    onRow(row, rowIdPlace < 0 ? `${place}` : `${row[rowIdPlace]}`);
  }
}
