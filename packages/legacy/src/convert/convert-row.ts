import { isUtf8 } from "node:buffer";
import type { LegacyValue, QuarantineCode, TablePlan } from "@tenantry/schema/legacy";
import { type Column, prepareColumn } from "./column.ts";
import { BrokenText, fromLegacyValue } from "./legacy-value.ts";
import { type Reading, refused, type SqliteValue } from "./values/value.ts";

/** A row's texts in the order of the plan's columns, or what is wrong with it. */
export type ConvertedRow =
  | { readonly kind: "row"; readonly values: (string | null)[] }
  | {
      readonly kind: "refused";
      readonly column: string;
      readonly code: QuarantineCode;
      readonly reason: string;
    };

const NOT_UTF8 = refused("not-utf8", "The text isn't UTF-8.");
const NOT_READABLE = refused("not-readable", "The value isn't written as a quarantined row's values are.");

/**
 * Converts a row that stands in quarantine, as it was or as somebody has corrected it, by the same rules as the rows of a
 * file. Only the values are looked at: not whether others are equal, nor what it refers to. A column that the row lacks is
 * NULL.
 *
 * @throws RangeError, SyntaxError for a plan with a zone or a pattern that is none.
 */
export function convertRow(table: TablePlan, row: Readonly<Record<string, LegacyValue>>): ConvertedRow {
  const values: (string | null)[] = [];
  for (const column of columnsOf(table)) {
    const { source } = column.plan;
    const value = source !== null && Object.hasOwn(row, source) ? row[source] : null;
    const reading = readValue(column, value ?? null);
    if (typeof reading === "string") values.push(reading);
    else if (reading.kind === "changed") values.push(reading.text);
    else return { kind: "refused", column: column.name, code: reading.code, reason: reading.reason };
  }
  return { kind: "row", values };
}

const prepared = new WeakMap<TablePlan, readonly Column[]>();

/** A retry converts thousands of rows by one plan, and a column's zone and pattern take their time. */
function columnsOf(table: TablePlan): readonly Column[] {
  const known = prepared.get(table);
  if (known !== undefined) return known;
  const columns = table.columns.map(prepareColumn);
  prepared.set(table, columns);
  return columns;
}

function readValue(column: Column, legacy: LegacyValue): Reading {
  let value: SqliteValue | BrokenText;
  try {
    value = fromLegacyValue(legacy);
  } catch (error) {
    // What people write by hand: {"integer": "twelve"}.
    if (error instanceof SyntaxError || error instanceof TypeError) return NOT_READABLE;
    throw error;
  }
  if (value instanceof BrokenText) {
    if (column.plan.value.kind === "bytes") return column.read(value.bytes);
    if (!isUtf8(value.bytes)) return NOT_UTF8;
    value = Buffer.from(value.bytes).toString();
  }
  if (value === null) return column.ofNull;
  return typeof value === "string" && !value.isWellFormed() ? NOT_UTF8 : column.read(value);
}
