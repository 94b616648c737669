import type { QuarantineCount } from "./quarantine-count.ts";
import { type RowState, readRow, rowState, type Trouble } from "./read-row.ts";
import { scanColumns, scanTable } from "./scan.ts";
import { findContested, findDuplicate, keeperOf } from "./uniqueness.ts";
import type { SqliteValue } from "./values/value.ts";
import { applies, type Import, type TableWork } from "./work.ts";

/** Everything that keeps a row out, as far as is known by now. */
export function judgeRow(
  context: Import,
  work: TableWork,
  values: readonly SqliteValue[],
  rowId: string,
  state: RowState,
): Trouble | null {
  return (
    readRow(context, work, values, rowId, state) ??
    findDuplicate(work, state, rowId) ??
    findDependence(context, work, state)
  );
}

function findDependence({ tables }: Import, work: TableWork, { texts }: RowState): Trouble | null {
  for (const { column, table, when } of work.references) {
    const parent = table === null ? undefined : tables[table];
    if (parent === undefined || parent.lostKeys.size === 0 || !applies(when, texts)) continue;
    const text = texts[column] ?? null;
    if (text !== null && parent.lostKeys.has(text)) {
      return {
        column: work.columns[column]?.name ?? "",
        code: "depends",
        reason: `It points at a row of ${parent.plan.source} that is in quarantine itself.`,
      };
    }
  }
  return null;
}

/** Remembers the key of a row that goes to quarantine, so that rows that refer to it go with it. */
export function loseKey(
  work: TableWork,
  values: readonly SqliteValue[],
  { texts }: RowState,
  rowId: string,
): void {
  if (work.keyColumn < 0) return;
  // A key that has no reading is known by what it is: a child that holds the same can't come in either.
  const raw = values[work.places[work.keyColumn] ?? -1] ?? null;
  const key = texts[work.keyColumn] ?? (raw === null || typeof raw === "object" ? null : `${raw}`);
  if (key === null) return;
  const own = work.uniques.find(({ columns }) => columns.length === 1 && columns[0] === work.keyColumn);
  const keeper = own === undefined ? undefined : keeperOf(own, key);
  if (keeper == null || keeper === rowId) work.lostKeys.add(key);
}

/** Finds which rows of a table go to quarantine without giving any away. What it refers to has to be known, but for itself. */
export function lookThrough(context: Import, work: TableWork, count: QuarantineCount): void {
  findContested(context, work);
  const state = rowState(work);
  scanTable(context, work, (values, rowId) => {
    if (judgeRow(context, work, values, rowId, state) === null) return;
    count.add(work.plan.source);
    loseKey(work, values, state, rowId);
  });
}

/**
 * Carries quarantine on along references among tables that refer to each other in a circle, or to themselves, until no row
 * more is lost. Reads keys alone, each time in the other direction, so that a tree whose children come before their
 * parents takes no more rounds than one whose parents come first.
 */
export function spreadLosses(context: Import, circle: readonly TableWork[], count: QuarantineCount): void {
  let backwards = false;
  for (let lost = -1; lost !== lostIn(circle); backwards = !backwards) {
    lost = lostIn(circle);
    if (lost === 0) return;
    for (const work of circle) spreadInto(context, work, new Set(circle), backwards, count);
  }
}

function lostIn(circle: readonly TableWork[]): number {
  return circle.reduce((sum, { lostKeys }) => sum + lostKeys.size, 0);
}

function spreadInto(
  context: Import,
  work: TableWork,
  circle: ReadonlySet<TableWork>,
  backwards: boolean,
  count: QuarantineCount,
): void {
  const links = work.references.flatMap(({ column, table, when }) => {
    const parent = table === null ? undefined : context.tables[table];
    return parent !== undefined && circle.has(parent) ? [{ column, when, lost: parent.lostKeys }] : [];
  });
  const wanted = links.flatMap(({ column, when }) => (when === null ? [column] : [column, when.column]));
  const { order } = work.table;
  const rest = backwards && order !== "" ? `${order} DESC` : order;
  scanColumns(context, work, [work.keyColumn, ...wanted], rest, (texts) => {
    const key = texts[work.keyColumn] ?? null;
    if (key === null || work.lostKeys.has(key)) return;
    const isLost = links.some(({ column, when, lost }) => {
      const text = texts[column] ?? null;
      return text !== null && lost.has(text) && applies(when, texts);
    });
    if (!isLost) return;
    count.add(work.plan.source);
    work.lostKeys.add(key);
  });
}
