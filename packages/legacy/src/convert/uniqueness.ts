import { joinKey, KeyMap } from "./key-map.ts";
import { plainCondition } from "./plain-sql.ts";
import { type RowState, readRow, rowState, type Trouble } from "./read-row.ts";
import { scanTable } from "./scan.ts";
import { quoteName } from "./source-table.ts";
import type { SqliteValue } from "./values/value.ts";
import type { Import, TableWork, Unique } from "./work.ts";

/**
 * Finds the values of a table's unique sets that more than one row may come to have, and which row keeps each: the first
 * that has it unchanged, or else the first that comes to it. Only rows that can come in by themselves count; a row that
 * then follows another into quarantine still keeps its value. Nearly always SQLite can tell that there are none, and the
 * table isn't read for it.
 */
export function findContested(context: Import, work: TableWork): void {
  for (const unique of work.uniques) unique.contested ??= suspects(context, work, unique);
  const open = work.uniques.filter(({ contested }) => contested !== null && !contested.isEmpty);
  if (open.length === 0) return;
  const state = rowState(work);
  scanTable(context.db, work, (values, rowId) => {
    if (readRow(context, work, values, rowId, state) !== null) return;
    for (const unique of open) {
      const key = keyOf(unique, state.texts);
      const keeper = key === null ? undefined : unique.contested?.get(key);
      if (key === null || keeper === undefined) continue;
      const isChanged = changedColumn(unique, state) !== null;
      if (keeper === "" || (keeper.startsWith(CHANGED) && !isChanged)) {
        unique.contested?.set(key, (isChanged ? CHANGED : PLAIN) + rowId);
      }
    }
  });
}

const PLAIN = "p";
const CHANGED = "c";

/** The row that keeps a contested value; null when none does, undefined when the value isn't contested. */
export function keeperOf(unique: Unique, key: string): string | null | undefined {
  if (unique.contested === null || unique.contested.isEmpty) return undefined;
  const keeper = unique.contested.get(key);
  return keeper === "" ? null : keeper?.slice(1);
}

/** That another row keeps the value that this one has. */
export function findDuplicate(work: TableWork, state: RowState, rowId: string): Trouble | null {
  for (const unique of work.uniques) {
    if (unique.contested === null || unique.contested.isEmpty) continue;
    const key = keyOf(unique, state.texts);
    const keeper = key === null ? undefined : keeperOf(unique, key);
    if (keeper == null || keeper === rowId) continue;
    const column = changedColumn(unique, state) ?? unique.columns.at(-1) ?? 0;
    return {
      column: work.columns[column]?.name ?? "",
      code: "duplicate",
      reason: `Row ${keeper} has the same, and only one row may.`,
    };
  }
  return null;
}

/** The first column of the set that a conversion changed in this row. */
function changedColumn(unique: Unique, { changes }: RowState): number | null {
  return unique.columns.find((column) => changes.includes(column)) ?? null;
}

/** Null where a column is NULL, which is never the same as another. */
function keyOf(unique: Unique, texts: readonly (string | null)[]): string | null {
  const parts: string[] = [];
  for (const column of unique.columns) {
    const text = texts[column] ?? null;
    if (text === null) return null;
    parts.push(text);
  }
  return joinKey(parts);
}

/** The converted values of rows that could meet others: those not in their plain form, and what comes twice in the file. */
function suspects({ db }: Import, work: TableWork, unique: Unique): KeyMap {
  const found = new KeyMap();
  const sources = [...new Set(unique.columns.map((at) => work.columns[at]?.plan.source ?? null))].filter(
    (source) => source !== null,
  );
  const [only] = sources;
  const isRowId = unique.columns.length === 1 && only !== undefined && only === work.table.rowIdColumn;
  const conditions = unique.columns.map((at) => plainCondition((work.columns[at] as Column).plan));
  if (isRowId && unique.held && work.columns[unique.columns[0] ?? 0]?.plan.values === undefined) {
    // Rowids are integers, each its own.
    return found;
  }
  const list = sources.map(quoteName);
  const from = `FROM main.${quoteName(work.table.name)}`;
  const collect = (sql: string): void => {
    const rows = db.prepare(sql);
    rows.setReturnArrays(true);
    rows.setReadBigInts(true);
    for (const row of rows.iterate() as Iterable<unknown> as Iterable<readonly SqliteValue[]>) {
      const texts = work.columns.map((): string | null => null);
      for (const at of unique.columns) {
        const column = work.columns[at] as Column;
        const value = column.plan.source === null ? null : (row[sources.indexOf(column.plan.source)] ?? null);
        const reading = value === null ? column.ofNull : column.read(value);
        texts[at] = typeof reading === "string" ? reading : reading.kind === "changed" ? reading.text : null;
      }
      const key = keyOf(unique, texts);
      if (key !== null && found.get(key) === undefined) found.set(key, "");
    }
  };
  const columns = list.length === 0 ? "NULL" : list.join(", ");
  collect(`SELECT ${columns} ${from} WHERE NOT (${conditions.join(" AND ")})`);
  if (!unique.held && list.length > 0) {
    const groups = list.map((name) => `${name} COLLATE BINARY`).join(", ");
    const notNull = list.map((name) => `${name} IS NOT NULL`).join(" AND ");
    collect(`SELECT ${columns} ${from} WHERE ${notNull} GROUP BY ${groups} HAVING count(*) > 1`);
  }
  return found;
}

type Column = TableWork["columns"][number];
