import { joinKey, KeyMap } from "./key-map.ts";
import { plainCondition } from "./plain-sql.ts";
import { type RowState, readRow, rowState, type Trouble } from "./read-row.ts";
import { scanColumns, scanTable } from "./scan.ts";
import { isRowId, quoteName } from "./source-table.ts";
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
  scanTable(context, work, (values, rowId) => {
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
function suspects(context: Import, work: TableWork, unique: Unique): KeyMap {
  const found = new KeyMap();
  const plans = unique.columns.map((at) => (work.columns[at] as TableWork["columns"][number]).plan);
  if (unique.held && plans.length === 1 && plans.every((plan) => isRowId(work.table, plan))) return found;
  const collect = (rest: string): void =>
    scanColumns(context, work, unique.columns, rest, (texts) => {
      const key = keyOf(unique, texts);
      if (key !== null && found.get(key) === undefined) found.set(key, "");
    });
  collect(`WHERE NOT (${plans.map(plainCondition).join(" AND ")})`);
  const names = plans.flatMap(({ source }) => (source === null ? [] : [quoteName(source)]));
  if (!unique.held && names.length > 0) {
    const groups = names.map((name) => `${name} COLLATE BINARY`).join(", ");
    const notNull = names.map((name) => `${name} IS NOT NULL`).join(" AND ");
    collect(`WHERE ${notNull} GROUP BY ${groups} HAVING count(*) > 1`);
  }
  return found;
}
