import { eachRow, type Source } from "./each-row.ts";
import { quoteName } from "./source-table.ts";
import type { SqliteValue } from "./values/value.ts";
import type { TableWork } from "./work.ts";

/** Reads a table's rows in the order of their ids: for each, its selected values and its id. */
export function scanTable(
  source: Source,
  { table, selected, rowIdPlace }: TableWork,
  onRow: (values: readonly SqliteValue[], rowId: string) => void,
): void {
  const names = selected.map(quoteName);
  if (rowIdPlace === selected.length && table.rowId !== null) names.push(table.rowId);
  const columns = names.length === 0 ? "NULL" : names.join(", ");
  let place = 0;
  eachRow(source, `SELECT ${columns} FROM main.${quoteName(table.name)} ${table.order}`, (row) => {
    place++;
    onRow(row, rowIdPlace < 0 ? `${place}` : `${row[rowIdPlace]}`);
  });
}

/**
 * Reads some columns alone: for each row their texts after conversion, at the columns' places; null for NULL and for what
 * has no reading.
 *
 * @param wanted places of columns.
 * @param rest what follows `FROM` and the table in the query.
 */
export function scanColumns(
  source: Source,
  work: TableWork,
  wanted: readonly number[],
  rest: string,
  onRow: (texts: readonly (string | null)[]) => void,
): void {
  const columns = wanted.map((at) => work.columns[at] as TableWork["columns"][number]);
  const names = columns.map(({ plan }) => (plan.source === null ? "NULL" : quoteName(plan.source)));
  const texts: (string | null)[] = [];
  eachRow(source, `SELECT ${names.join(", ")} FROM main.${quoteName(work.table.name)} ${rest}`, (row) => {
    for (const [index, column] of columns.entries()) {
      const value = row[index] ?? null;
      const reading = value === null ? column.ofNull : column.read(value);
      const isText = typeof reading === "string";
      texts[wanted[index] ?? 0] = isText ? reading : reading.kind === "changed" ? reading.text : null;
    }
    onRow(texts);
  });
}
