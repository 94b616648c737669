import type { DatabaseSync } from "node:sqlite";
import {
  CHECKSUM_NULL,
  CHECKSUM_SEPARATOR,
  type ImportEvent,
  type ImportPlan,
  type RefusedRow,
} from "@tenantry/schema/legacy";
import { type Component, components } from "./components.ts";
import { CopyBatch, copyText } from "./copy-batch.ts";
import { utf16Of } from "./encoding.ts";
import { TableTally } from "./figures.ts";
import { judgeRow, lookThrough, loseKey, spreadLosses } from "./lost-rows.ts";
import { parentKeys } from "./parent-keys.ts";
import { QuarantineCount } from "./quarantine-count.ts";
import { quarantinedRow } from "./quarantine-row.ts";
import { type RowState, rowState } from "./read-row.ts";
import { scanTable } from "./scan.ts";
import { findContested } from "./uniqueness.ts";
import { type Import, prepareTables, type TableWork } from "./work.ts";

/**
 * Reads a file by a plan and tells, table by table in the plan's order, of rows as lines of COPY's text format, of rows
 * that can't come in, and at each table's end of its figures.
 *
 * Tables are read row by row, so memory stays flat: what grows with the file are a bit for each id that others refer to,
 * keys that a conversion changed and keys that are no rowids (both beyond 100,000 in a temporary file of SQLite's), and
 * keys of quarantined rows, which are limited. Tables that refer to each other in a circle, and those with contested
 * values, are read twice.
 *
 * @param emit may block; `text` is the receiver's to keep.
 * @param onWork called after some thousand rows each time, also while nothing is given away; may block or throw.
 * @throws TooManyQuarantinedError; RangeError, SyntaxError for a plan that doesn't hold together; SQLite's error for a
 *   file that can't be read.
 */
export function streamImport(
  db: DatabaseSync,
  plan: ImportPlan,
  refused: readonly RefusedRow[],
  emit: (event: ImportEvent) => void,
  onWork: () => void = () => undefined,
): void {
  const tables = prepareTables(db, plan, refused);
  const context: Import = { db, onWork, tables, utf16: utf16Of(db) };
  const circles = components(
    tables.map(({ references }) => references.flatMap(({ table }) => (table === null ? [] : [table]))),
  );
  const expected = new QuarantineCount();
  const count = new QuarantineCount();
  try {
    for (const work of tables) {
      const circle = circles[work.index] as Component;
      for (const { table } of work.references) {
        if (table !== null && !circle.tables.includes(table)) makeKnown(context, circles, table, expected);
      }
      if (circle.isCircle) makeKnown(context, circles, work.index, expected);
      streamTable(context, work, count, emit);
    }
  } finally {
    for (const work of tables) {
      work.keys?.close();
      work.fetcher?.close();
      for (const { contested } of work.uniques) contested?.close();
    }
  }
}

/** Settles which rows of a table, and of those that it refers to, go to quarantine. */
function makeKnown(
  context: Import,
  circles: readonly Component[],
  index: number,
  count: QuarantineCount,
): void {
  const circle = circles[index] as Component;
  const works = circle.tables.map((table) => context.tables[table] as TableWork);
  if (works.every(({ known }) => known)) return;
  for (const { references } of works) {
    for (const { table } of references) {
      if (table !== null && !circle.tables.includes(table)) makeKnown(context, circles, table, count);
    }
  }
  for (const work of works) {
    prepareKeys(context, work);
    lookThrough(context, work, count);
  }
  if (circle.isCircle) spreadLosses(context, works, count);
  for (const work of works) work.known = true;
}

function prepareKeys(context: Import, work: TableWork): void {
  for (const { table } of work.references) {
    const parent = table === null ? undefined : context.tables[table];
    if (parent !== undefined) parent.keys ??= parentKeys(context, parent);
  }
}

function streamTable(
  context: Import,
  work: TableWork,
  count: QuarantineCount,
  emit: (event: ImportEvent) => void,
): void {
  prepareKeys(context, work);
  findContested(context, work);
  const tally = new TableTally(work);
  const batch = new CopyBatch(work.index, emit);
  const state = rowState(work);
  scanTable(context, work, (values, rowId) => {
    const trouble = judgeRow(context, work, values, rowId, state);
    if (trouble === null) {
      tally.copied(state, checksumText(state));
      batch.add(copyLine(work, state), rowId);
      return;
    }
    count.add(work.plan.source);
    loseKey(work, values, state, rowId);
    tally.quarantined();
    emit({ kind: "quarantined", table: work.index, row: quarantinedRow(context, work, rowId, trouble) });
  });
  batch.flush();
  work.known = true;
  emit({ kind: "table-end", table: work.index, figures: tally.figures() });
}

/** The row as the checksum takes it. */
function checksumText({ texts }: RowState): string {
  let row = "";
  for (let at = 0; at < texts.length; at++) {
    if (at > 0) row += CHECKSUM_SEPARATOR;
    row += texts[at] ?? CHECKSUM_NULL;
  }
  return row;
}

function copyLine({ columns }: TableWork, { texts }: RowState): string {
  let line = "";
  for (let at = 0; at < texts.length; at++) {
    if (at > 0) line += "\t";
    const text = texts[at] ?? null;
    if (text === null) line += "\\N";
    else line += columns[at]?.needsEscape ? copyText(text) : text;
  }
  return `${line}\n`;
}
