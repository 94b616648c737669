import type { DatabaseSync } from "node:sqlite";
import type { ConditionPlan, ImportPlan, RefusedRow, TablePlan } from "@tenantry/schema/legacy";
import { type Column, prepareColumn } from "./column.ts";
import type { Source } from "./each-row.ts";
import type { Utf16 } from "./encoding.ts";
import type { KeyMap } from "./key-map.ts";
import type { ParentKeys } from "./parent-keys.ts";
import type { RowFetcher } from "./row-fetcher.ts";
import { type SourceTable, sourceTable } from "./source-table.ts";

/** A table of a plan, made ready to be read: perhaps several times, always with the same outcome for each row. */
export interface TableWork {
  readonly index: number;
  readonly plan: TablePlan;
  readonly table: SourceTable;
  readonly columns: readonly Column[];
  /** Source columns to be read, each once. */
  readonly selected: readonly string[];
  /** Of each column its place among the selected; -1 for one without a source. */
  readonly places: readonly number[];
  /** Place of the rowid in a row that was read; -1 when rows have none. */
  readonly rowIdPlace: number;
  readonly owner: { readonly place: number; readonly values: ReadonlySet<string> } | null;
  readonly references: readonly Reference[];
  readonly uniques: readonly Unique[];
  readonly equals: readonly Equal[];
  /** By row id. */
  readonly refused: ReadonlyMap<string, RefusedRow>;
  /** Place among the columns of the key that others refer to; -1 for none. */
  readonly keyColumn: number;
  /** Keys of rows that are known to go to quarantine. */
  readonly lostKeys: Set<string>;
  /** True when every lost key is among them, since the table was looked through. */
  known: boolean;
  keys: ParentKeys | null;
  fetcher: RowFetcher | null;
}

export interface Reference {
  /** Place among the columns. */
  readonly column: number;
  readonly table: number | null;
  readonly seeded: ReadonlySet<string>;
  /** Null where every row refers. */
  readonly when: Condition | null;
}

/** Holds of a row whose column has one of these texts. */
export interface Condition {
  /** Place among the columns. */
  readonly column: number;
  readonly in: ReadonlySet<string>;
}

/** Two columns that have to be equal where both hold a value. */
export interface Equal {
  readonly column: number;
  readonly to: number;
  readonly when: Condition;
}

export function applies(condition: Condition | null, texts: readonly (string | null)[]): boolean {
  if (condition === null) return true;
  const text = texts[condition.column] ?? null;
  return text !== null && condition.in.has(text);
}

export interface Unique {
  /** Places among the columns. */
  readonly columns: readonly number[];
  readonly held: boolean;
  /** Of values that more than one row may have: the row that keeps it, "" as long as it isn't known. Null: not looked for yet. */
  contested: KeyMap | null;
}

/** Everything about an import that its steps share. */
export interface Import extends Source {
  readonly tables: readonly TableWork[];
  readonly utf16: Utf16;
}

/**
 * Makes a plan's tables ready.
 *
 * @throws RangeError, SyntaxError for a plan with a zone or a pattern that is none, or with columns that it lacks.
 */
export function prepareTables(
  db: DatabaseSync,
  plan: ImportPlan,
  refused: readonly RefusedRow[],
): TableWork[] {
  return plan.tables.map((table, index) =>
    prepareTable(sourceTable(db, table.source), table, index, new Map(ofTable(refused, index))),
  );
}

function ofTable(refused: readonly RefusedRow[], index: number): [string, RefusedRow][] {
  return refused.filter(({ table }) => table === index).map((row) => [row.rowId, row]);
}

function prepareTable(
  table: SourceTable,
  plan: TablePlan,
  index: number,
  refused: ReadonlyMap<string, RefusedRow>,
): TableWork {
  const columns = plan.columns.map(prepareColumn);
  const selected: string[] = [];
  const place = (source: string): number => {
    if (!selected.includes(source)) selected.push(source);
    return selected.indexOf(source);
  };
  const places = columns.map(({ plan: { source } }) => (source === null ? -1 : place(source)));
  const owner =
    plan.owner === null ? null : { place: place(plan.owner.column), values: new Set(plan.owner.values) };
  const aliased = table.rowIdColumn === null ? -1 : selected.indexOf(table.rowIdColumn);
  const target = (name: string): number => {
    const found = columns.findIndex((column) => column.plan.target === name);
    if (found < 0) throw new RangeError(`the plan of ${plan.source} has no column ${name}`);
    return found;
  };
  const condition = ({ column, in: texts }: ConditionPlan): Condition => ({
    column: target(column),
    in: new Set(texts),
  });
  return {
    index,
    plan,
    table,
    columns,
    selected,
    places,
    rowIdPlace: table.rowId === null ? -1 : aliased >= 0 ? aliased : selected.length,
    owner,
    references: plan.references.map((reference) => ({
      column: target(reference.column),
      table: reference.table,
      seeded: new Set(reference.seeded),
      when: reference.when === undefined ? null : condition(reference.when),
    })),
    equals: (plan.equal ?? []).map(({ column, to, when }) => ({
      column: target(column),
      to: target(to),
      when: condition(when),
    })),
    uniques: plan.unique.map(({ columns: names, held }) => ({
      columns: names.map(target),
      held,
      contested: null,
    })),
    refused,
    keyColumn: plan.key === null ? -1 : target(plan.key),
    lostKeys: new Set(),
    known: false,
    keys: null,
    fetcher: null,
  };
}
