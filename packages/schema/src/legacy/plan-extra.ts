import type { OwnerPlan, TablePlan } from "./import-plan.ts";
import { entryByName, findByName, UniqueNames } from "./legacy-names.ts";
import type { TableMapping } from "./legacy-system.ts";
import { type Match, mappingOf } from "./match-tables.ts";
import type { PlanInput } from "./plan-input.ts";
import type { SourceColumn, SourceTable } from "./source-description.ts";

/** What the blueprint doesn't know, kept as text in a table of its own. */
export interface ExtraPlan {
  readonly source: SourceTable;
  readonly plan: TablePlan;
  /** Source columns that are there and nowhere else. */
  readonly unknown: readonly string[];
}

/** A table of the file as text, as it is, but for secrets; null when nothing else is in it. */
export function extraPlan(
  input: PlanInput,
  source: SourceTable,
  columns: readonly SourceColumn[],
  names: UniqueNames,
): ExtraPlan | null {
  const mapping = mappingOf(input.mapping, source);
  const secrets = secretColumns(source, mapping);
  const shown = columns.filter(({ name }) => !secrets.includes(name));
  if (shown.length === 0) return null;
  const columnNames = UniqueNames.ofColumns();
  const plan: TablePlan = {
    source: source.name,
    target: names.take(`legacy_${source.name}`),
    rows: source.rows,
    extra: true,
    columns: shown.map(({ name }) => ({
      source: name,
      target: columnNames.take(name),
      value: { kind: "anything" },
      whenNull: { kind: "null" },
      summed: false,
    })),
    key: null,
    unique: [],
    references: [],
    owner: ownerPlan(input, source, mapping),
    secrets,
  };
  return { source, plan, unknown: shown.map(({ name }) => name) };
}

/**
 * A table of the unknown columns of a known one, with the key that leads back to their rows; with all its columns where
 * there is no such key.
 */
export function sidePlan(input: PlanInput, match: Match, names: UniqueNames): ExtraPlan | null {
  const unknown = match.unknown.map(({ name }) => name);
  if (unknown.length === 0) return null;
  const keys = match.target.primaryKey.map(
    (key) => match.columns.find((column) => column.target === key)?.source ?? null,
  );
  const columns =
    keys.length === 0 || keys.includes(null)
      ? match.source.columns
      : match.source.columns.filter(({ name }) => keys.includes(name) || unknown.includes(name));
  const extra = extraPlan(input, match.source, columns, names);
  return extra && { ...extra, unknown };
}

export function ownerPlan(input: PlanInput, source: SourceTable, mapping: TableMapping): OwnerPlan | null {
  const column =
    mapping.ownerColumn === undefined ? undefined : findByName(source.columns, mapping.ownerColumn);
  const values = entryByName(input.owned, source.name);
  return column === undefined || values === undefined ? null : { column: column.name, values };
}

/** Columns that no quarantined row shows. */
export function secretColumns(source: SourceTable, mapping: TableMapping): string[] {
  return [...(mapping.secrets ?? []), ...(mapping.hidden ?? [])].flatMap(
    (name) => findByName(source.columns, name)?.name ?? [],
  );
}
