import { SQLSTATE, sqlState, violatedConstraint } from "../sqlstate.ts";
import type { RefusedRow, TablePlan } from "./import-plan.ts";
import type { TargetRule } from "./target-description.ts";

/**
 * True when PostgreSQL refuses a row for what is in it. Class 22 is "data exception", 23 "integrity constraint violation",
 * 38 and P0 come from functions in checks, 54 is a row or an index entry that is too large.
 */
export function isRowTrouble(error: unknown): boolean {
  return /^(?:2[23]|38|54|P0)/.test(sqlState(error) ?? "");
}

/**
 * The line of COPY's text that an error is about, from 1; null when it is about none, as that of a foreign key is.
 *
 * There is no field of its own for the line, only the context `COPY bookings, line 3, column time: "25:00"`, in the server's
 * language: `%sのCOPY、行 3`, `%s 복사, 3번째 줄`. In all of them the line is the first number after the table's name, which
 * stands at the beginning or after `COPY` (copyfrom.c, CopyFromErrorCallback, and its translations). What follows may be
 * anything, since it is the file's; what comes before is PostgreSQL's own.
 */
export function lineOf(error: unknown, table: string): number | null {
  const found = contextOf(error, table);
  return found === null ? null : found.line;
}

interface CopyContext {
  readonly line: number;
  /** What follows the line's number. */
  readonly rest: string;
}

function contextOf(error: unknown, table: string): CopyContext | null {
  const where = error instanceof Error ? Reflect.get(error, "where") : undefined;
  if (typeof where !== "string") return null;
  for (const text of [where, ...where.split("\n").slice(1)]) {
    const named = text.startsWith("COPY ") ? text.slice("COPY ".length) : text;
    if (!named.startsWith(table)) continue;
    const number = /^[^\d\n]*(\d+)(.*)/.exec(named.slice(table.length));
    if (number !== null) return { line: Number(number[1]), rest: number[2] ?? "" };
  }
  return null;
}

/** What is told of a refused row: never PostgreSQL's own words, which may quote it and are in the server's language. */
export function refusalOf(
  error: unknown,
  plan: TablePlan,
  table: number,
  rowId: string,
  rules: readonly TargetRule[],
): RefusedRow {
  const state = sqlState(error) ?? "";
  const rule = violatedConstraint(error);
  const targets = troubledColumns(error, plan, rules);
  const columns = plan.columns.filter(({ target }) => targets.includes(target));
  const known = columns.find(({ source }) => source !== null)?.source;
  return {
    table,
    rowId,
    column: known ?? plan.columns.find(({ source }) => source !== null)?.source ?? "",
    reason: `${REASONS[state] ?? "PostgreSQL doesn't take it"} (${rule === undefined ? `SQLSTATE ${state}` : `rule ${rule}`}).`,
  };
}

const REASONS: Readonly<Record<string, string>> = {
  "23P01": "It can't stand beside another row that was imported before it",
  [SQLSTATE.uniqueViolation]: "Another row that was imported before it has the same value, and only one may",
  [SQLSTATE.foreignKeyViolation]: "It refers to a row that isn't there",
  "23514": "It breaks a rule of its table",
  "23502": "It has no value where there has to be one",
  "54000": "It is larger than PostgreSQL can keep it",
};

/** Target columns: PostgreSQL names the column, or a rule that looks at some, or COPY was just reading one. */
function troubledColumns(error: unknown, plan: TablePlan, rules: readonly TargetRule[]): readonly string[] {
  const named = error instanceof Error ? Reflect.get(error, "column") : undefined;
  if (typeof named === "string") return [named];
  const rule = violatedConstraint(error);
  const looked = rules.find(({ name }) => name === rule)?.columns ?? [];
  if (looked.length > 0) return looked;
  // Up to the value, which is the file's and begins with some quotation mark.
  const [read = ""] = contextOf(error, plan.target)?.rest.split(/["«»„“”]/u) ?? [];
  return plan.columns
    .map(({ target }) => target)
    .filter((target) => read.includes(target))
    .sort((a, b) => b.length - a.length)
    .slice(0, 1);
}
