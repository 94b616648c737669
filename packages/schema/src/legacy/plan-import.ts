import { LEDGER_LOCK_TABLE, LEDGER_TABLE } from "../blueprint/compile.ts";
import type { ColumnPlan, ImportPlan, ReferencePlan, TablePlan, UniquePlan } from "./import-plan.ts";
import { foldName, UniqueNames } from "./legacy-names.ts";
import type { LegacyMapping } from "./legacy-system.ts";
import { type Match, mappingOf, matchTables } from "./match-tables.ts";
import { type ExtraPlan, extraPlan, ownerPlan, secretColumns, sidePlan } from "./plan-extra.ts";
import type { PlanInput } from "./plan-input.ts";
import { needsOf, referencePlans, referredColumns } from "./plan-references.ts";
import type { SourceTable } from "./source-description.ts";
import { orderTables } from "./table-order.ts";

export interface PlannedImport {
  readonly plan: ImportPlan;
  /** Tables of the blueprint that the file lacks: they keep what a new tenant's hold. */
  readonly missingTables: readonly string[];
  /** Columns of the blueprint that the file's tables lack: they get their defaults. */
  readonly missingColumns: readonly { readonly table: string; readonly column: string }[];
  /** Tables that the blueprint doesn't know: kept, by the name `as`. */
  readonly unknownTables: readonly { readonly table: string; readonly as: string; readonly rows: number }[];
  /** Columns that the blueprint doesn't know: kept beside their table; `as` is `<table>.<column>`. */
  readonly unknownColumns: readonly {
    readonly table: string;
    readonly column: string;
    readonly as: string;
  }[];
  /** What isn't copied, and why; `column` null for all of it. */
  readonly leftOut: readonly LeftOut[];
}

interface LeftOut {
  readonly table: string;
  readonly column: string | null;
  readonly reason: string;
}

const NOT_READ = {
  view: "it is a view: what it shows is in the tables",
  trigger: "it is a trigger: code isn't taken over",
  virtual: "it is a virtual table, which only its extension can read",
} as const;
const LEFT_ALONE = "it is the program's or SQLite's own";
const EMPTY = "it holds nothing";
const SECRET = "it holds secrets";

/**
 * Says what is read of a file and into what. Pure, and the same for the same input: names, order and all.
 *
 * Names are matched as SQLite compares them. A reference of one column is in the plan with the keys that it may hold;
 * references of several columns are left to PostgreSQL, before the commit.
 *
 * @throws BlueprintError when a column that the file has is of a type that no rule is for
 */
export function planImport(request: PlanInput): PlannedImport {
  const target = {
    ...request.target,
    tables: request.target.tables.filter(({ name }) => !isTenantrys(name)),
  };
  const input = { ...request, target };
  const { source, mapping } = input;
  const tables = source.tables.filter(({ name }) => !isLeftAlone(mapping, name));
  const matches = matchTables(input, tables);
  const missingTables = target.tables.map(({ name }) => name).filter((name) => !matches.has(name));
  const names = new UniqueNames([
    ...target.tables.map(({ name }) => name),
    ...(mapping.kept ?? []).map((name) => `legacy_${name}`),
  ]);

  const present = target.tables.flatMap(({ name }) => matches.get(name) ?? []);
  const needs = new Map(present.map((match) => [match.target.name, needsOf(match)]));
  const ordered = orderTables([...needs.keys()], needs).flatMap((name) => matches.get(name) ?? []);
  const referred = referredColumns(ordered, target);
  const known = ordered.map((match) =>
    tablePlan(input, match, referencePlans(match, ordered, referred, target), referred),
  );

  const beside = ordered.flatMap((match) => sidePlan(input, match, names) ?? []);
  const matched = new Set(ordered.map((match) => match.source.name));
  const unmatched = tables.filter(({ name }) => !matched.has(name));
  const empty = unmatched.filter((table) => isKnownEmpty(table, mapping));
  const others = unmatched.filter((table) => !isKnownEmpty(table, mapping));
  const unknown = others.flatMap((table) => extraPlan(input, table, table.columns, names) ?? []);

  return {
    plan: { tables: [...known, ...[...beside, ...unknown].map(({ plan }) => plan)] },
    missingTables,
    missingColumns: ordered.flatMap((match) =>
      match.missing.map((column) => ({ table: match.target.name, column })),
    ),
    unknownTables: unknown.map(({ source: { name, rows }, plan }) => ({
      table: name,
      as: plan.target,
      rows,
    })),
    unknownColumns: beside.flatMap(unknownColumns),
    leftOut: [
      ...source.leftOut.map(({ name, kind }) => ({ table: name, column: null, reason: NOT_READ[kind] })),
      ...source.tables
        .filter(({ name }) => isLeftAlone(mapping, name))
        .map(({ name }) => ({ table: name, column: null, reason: LEFT_ALONE })),
      ...ordered.flatMap(({ source: { name }, leftOut }) =>
        leftOut.map((each) => ({ table: name, ...each })),
      ),
      ...empty.map(({ name }) => ({ table: name, column: null, reason: EMPTY })),
      ...others.flatMap((table) => secretsOf(table, mapping)),
    ],
  };
}

/** What Tenantry itself keeps in a tenant's schema is filled by nobody's file. */
function isTenantrys(name: string): boolean {
  return name.startsWith("tenantry_") || name === LEDGER_TABLE || name === LEDGER_LOCK_TABLE;
}

function isLeftAlone(mapping: LegacyMapping, name: string): boolean {
  const folded = foldName(name);
  return folded.startsWith("sqlite_") || mapping.ignored.some((ignored) => foldName(ignored) === folded);
}

/** A table that the mapping means to keep would be made in each tenant for nothing; of an unknown one its being there is news. */
function isKnownEmpty(table: SourceTable, mapping: LegacyMapping): boolean {
  return table.rows === 0 && mappingOf(mapping, table).target === null;
}

function unknownColumns({ source, plan, unknown }: ExtraPlan): PlannedImport["unknownColumns"] {
  return plan.columns.flatMap((column) =>
    column.source !== null && unknown.includes(column.source)
      ? [{ table: source.name, column: column.source, as: `${plan.target}.${column.target}` }]
      : [],
  );
}

function secretsOf(table: SourceTable, mapping: LegacyMapping): LeftOut[] {
  return secretColumns(table, mappingOf(mapping, table)).map((column) => ({
    table: table.name,
    column,
    reason: SECRET,
  }));
}

function tablePlan(
  input: PlanInput,
  { source, target, mapping, columns }: Match,
  references: readonly ReferencePlan[],
  referred: ReadonlyMap<string, string>,
): TablePlan {
  const given = new Set(columns.map((column) => column.target));
  const key = referred.get(target.name);
  const equal = (mapping.equal ?? []).filter(({ column, to, when }) =>
    [column, to, when.column].every((name) => given.has(name)),
  );
  return {
    source: source.name,
    target: target.name,
    rows: source.rows,
    extra: false,
    columns,
    key: key !== undefined && given.has(key) ? key : null,
    unique: uniquePlans(source, target.unique, columns),
    references,
    ...(equal.length === 0 ? {} : { equal }),
    owner: ownerPlan(input, source, mapping),
    secrets: secretColumns(source, mapping),
  };
}

/** The target's sets of which the plan gives every column. What is unique by fewer columns is so by more, too. */
function uniquePlans(
  source: SourceTable,
  sets: readonly (readonly string[])[],
  columns: readonly ColumnPlan[],
): UniquePlan[] {
  const sourceOf = new Map(columns.map((column) => [column.target, column.source]));
  const distinct = new Map(sets.map((set) => [JSON.stringify([...set].sort()), set]));
  return [...distinct.values()]
    .filter((set) => set.every((column) => sourceOf.has(column)))
    .map((set) => {
      const sources = new Set(set.map((column) => foldName(sourceOf.get(column) ?? "")));
      const held = source.unique.some((own) => own.every((column) => sources.has(foldName(column))));
      return { columns: set, held };
    });
}
