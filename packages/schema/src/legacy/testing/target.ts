import type { TargetColumn, TargetDescription, TargetReference, TargetTable } from "../target-description.ts";

type ColumnInput = Partial<Omit<TargetColumn, "name">> & { readonly type: string };
type ReferenceInput = readonly [column: string, table: string, key?: string];

export interface TableInput {
  readonly columns: Readonly<Record<string, string | ColumnInput>>;
  readonly key?: readonly string[];
  readonly unique?: readonly (readonly string[])[];
  readonly references?: readonly ReferenceInput[];
  /** Columns whose references are deferrable. */
  readonly deferrable?: readonly string[];
  readonly seeded?: readonly string[];
}

/** The tables of a blueprint as `describeTarget` would tell of them. A type alone is a column that may be NULL. */
export function targetOf(tables: Readonly<Record<string, TableInput>>): TargetDescription {
  return { blueprint: "shop", tables: Object.entries(tables).map(([name, table]) => tableOf(name, table)) };
}

function tableOf(name: string, table: TableInput): TargetTable {
  const primaryKey = table.key ?? ["id"];
  return {
    name,
    columns: Object.entries(table.columns).map(([column, input]) => columnOf(column, input)),
    primaryKey,
    unique: [primaryKey, ...(table.unique ?? [])],
    references: (table.references ?? []).map((reference) => referenceOf(name, table, reference)),
    seeded: table.seeded ?? [],
    hasTriggers: false,
  };
}

function columnOf(name: string, input: string | ColumnInput): TargetColumn {
  const given = typeof input === "string" ? { type: input } : input;
  return {
    name,
    required: false,
    constantDefault: null,
    hasDefault: (given.constantDefault ?? null) !== null,
    identity: false,
    generated: false,
    oneOf: null,
    least: null,
    most: null,
    ...given,
  };
}

function referenceOf(
  owner: string,
  table: TableInput,
  [column, target, key = "id"]: ReferenceInput,
): TargetReference {
  return {
    columns: [column],
    table: target,
    targetColumns: [key],
    constraint: `${owner}_${column}_fkey`,
    deferrable: table.deferrable?.includes(column) === true,
  };
}
