import { BlueprintError } from "../blueprint/errors.ts";
import type { ColumnPlan, ValueRule, WhenNull } from "./import-plan.ts";
import { entryByName, findByName } from "./legacy-names.ts";
import type { ColumnMapping, TableMapping } from "./legacy-system.ts";
import type { SourceColumn, SourceTable } from "./source-description.ts";
import type { TargetColumn, TargetTable } from "./target-description.ts";
import { canonicalDefault, ruleForType, timestampText } from "./value-rules.ts";

/** What decides how times and missing times are read. */
export interface TimeReading {
  /** IANA name for a column that names none. */
  readonly zone: string;
  /** The run's own, which passes before all that isn't fixed. */
  readonly runZone: string | null;
  /** What a time becomes that has to be there, isn't, and would be `now()` in a new row. */
  readonly now: Date;
}

/** A table of the file that goes into one of the blueprint's. */
export interface PlannedColumns {
  readonly columns: readonly ColumnPlan[];
  /** Source columns that the blueprint doesn't know, or that its mapping wants beside the table. */
  readonly unknown: readonly SourceColumn[];
  readonly leftOut: readonly { readonly column: string; readonly reason: string }[];
  /** Target columns that nothing is given for. */
  readonly missing: readonly string[];
}

export interface ColumnsInput {
  readonly source: SourceTable;
  readonly target: TargetTable;
  readonly mapping: TableMapping;
  readonly times: TimeReading;
  /** Whether the default of a target column that the file lacks has to be given by the plan (see `planImport`). */
  readonly givesDefault: (column: TargetColumn) => boolean;
}

/**
 * Plans the columns of one table: each source column goes into the target's of the same name unless the mapping says
 * otherwise, by the rule of the target's type.
 *
 * @throws BlueprintError when a column is of a type that no rule is for, and the mapping names none
 */
export function planColumns(input: ColumnsInput): PlannedColumns {
  const { source, target, mapping } = input;
  const given = new Map<string, ColumnPlan>();
  const unknown: SourceColumn[] = [];
  const leftOut: { column: string; reason: string }[] = [];
  const secret = new Set(mapping.secrets?.map((name) => findByName(source.columns, name)?.name));

  const claims = claimTargets(input);
  for (const column of source.columns) {
    const own = columnMapping(mapping, column);
    if (secret.has(column.name)) {
      leftOut.push({ column: column.name, reason: "it holds secrets" });
      continue;
    }
    if (own.targets?.length === 0 && own.aside !== true) {
      leftOut.push({ column: column.name, reason: own.reason ?? "the mapping leaves it out" });
      continue;
    }
    const targets = target.columns.filter((each) => claims.get(each.name) === column.name);
    // A target that another column has taken, or that isn't there, would lose what was to be kept in it.
    if (targets.length < (own.targets?.length ?? 1)) unknown.push(column);
    for (const each of targets) given.set(each.name, planColumn(input, column, own, each));
  }

  const missing: string[] = [];
  for (const column of target.columns) {
    if (given.has(column.name) || column.generated) continue;
    const constant = mapping.constants?.[column.name];
    if (constant === undefined) missing.push(column.name);
    const plan = constant === undefined ? defaulted(input, column) : constantly(input, column, constant);
    if (plan !== null) given.set(column.name, plan);
  }
  const columns = target.columns.flatMap((column) => given.get(column.name) ?? []);
  return { columns, unknown, leftOut, missing };
}

/** By target column, the source column whose value it gets: one of its own name first, then those that are mapped to it. */
function claimTargets({ source, target, mapping }: ColumnsInput): Map<string, string> {
  const claims = new Map<string, string>();
  const wanted = source.columns.flatMap((column) => {
    const own = columnMapping(mapping, column);
    if (own.aside === true) return [];
    return (own.targets ?? [column.name]).flatMap((name) => {
      const found = findByName(target.columns, name);
      if (found === undefined || found.generated) return [];
      return [{ source: column.name, target: found.name, namesake: own.targets === undefined }];
    });
  });
  for (const each of [...wanted.filter((want) => want.namesake), ...wanted]) {
    if (!claims.has(each.target)) claims.set(each.target, each.source);
  }
  return claims;
}

function planColumn(
  input: ColumnsInput,
  source: SourceColumn,
  mapping: ColumnMapping,
  target: TargetColumn,
): ColumnPlan {
  const value = mapping.rule?.[target.name] ?? ruleOf(input, target, zoneOf(input.times, mapping));
  const pattern = mapping.pattern?.[target.name];
  const strip = mapping.strip?.[target.name];
  return {
    source: source.name,
    target: target.name,
    value,
    whenNull: mapping.required === true ? { kind: "quarantine" } : whenNull(input, target, value),
    ...(mapping.values === undefined ? {} : { values: mapping.values }),
    ...(pattern === undefined ? {} : { pattern }),
    ...(strip === undefined ? {} : { strip }),
    ...(target.oneOf === null ? {} : { oneOf: target.oneOf }),
    ...(target.least === null ? {} : { least: target.least }),
    ...(target.most === null ? {} : { most: target.most }),
    summed: value.kind === "decimal",
  };
}

/** A target column without a source: its own default does, but for one that rows would refer by, or that has none. */
function defaulted(input: ColumnsInput, target: TargetColumn): ColumnPlan | null {
  if (target.identity) return null;
  const value = () => ruleOf(input, target, input.times.zone);
  if (target.required && !target.hasDefault) return fromNothing(target, value(), { kind: "quarantine" });
  if (!input.givesDefault(target) || target.constantDefault === null) return null;
  return constantly(input, target, target.constantDefault);
}

function constantly(input: ColumnsInput, target: TargetColumn, text: string): ColumnPlan {
  const value = ruleOf(input, target, input.times.zone);
  return fromNothing(target, value, { kind: "value", text: canonicalDefault(text, value) });
}

function fromNothing(target: TargetColumn, value: ValueRule, when: WhenNull): ColumnPlan {
  return {
    source: null,
    target: target.name,
    value,
    whenNull: when,
    summed: value.kind === "decimal",
  };
}

/** A row that refers to nothing in particular would be given to whoever is first: a reference never gets a default. */
function whenNull({ target: table, times }: ColumnsInput, column: TargetColumn, value: ValueRule): WhenNull {
  if (!column.required) return { kind: "null" };
  const refers = table.references.some((reference) => reference.columns.includes(column.name));
  if (refers || column.identity || !column.hasDefault) return { kind: "quarantine" };
  if (column.constantDefault !== null) {
    return { kind: "value", text: canonicalDefault(column.constantDefault, value) };
  }
  return value.kind === "timestamp"
    ? { kind: "value", text: timestampText(times.now) }
    : { kind: "quarantine" };
}

function zoneOf(times: TimeReading, { zone }: ColumnMapping): string {
  if (zone?.fixed === true) return zone.name;
  return times.runZone ?? zone?.name ?? times.zone;
}

function ruleOf({ target: table }: ColumnsInput, column: TargetColumn, zone: string): ValueRule {
  const rule = ruleForType(column.type, zone);
  if (rule !== null) return rule;
  throw new BlueprintError(
    `${table.name}.${column.name} is ${column.type}, which no rule is for: name one in the legacy mapping (docs/legacy-systems.md)`,
  );
}

function columnMapping(mapping: TableMapping, column: SourceColumn): ColumnMapping {
  return entryByName(mapping.columns ?? {}, column.name) ?? {};
}
