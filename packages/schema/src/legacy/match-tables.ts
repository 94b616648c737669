import { entryByName, findByName, foldName } from "./legacy-names.ts";
import type { LegacyMapping, TableMapping } from "./legacy-system.ts";
import { type PlannedColumns, planColumns, type TimeReading } from "./plan-columns.ts";
import type { PlanInput } from "./plan-input.ts";
import type { SourceTable } from "./source-description.ts";
import type { TargetColumn, TargetDescription, TargetTable } from "./target-description.ts";

/** A table of the file and the table of the blueprint that it becomes. */
export interface Match extends PlannedColumns {
  readonly source: SourceTable;
  readonly target: TargetTable;
  readonly mapping: TableMapping;
}

export function mappingOf(mapping: LegacyMapping, table: SourceTable): TableMapping {
  return entryByName(mapping.tables, table.name) ?? {};
}

/** By target table. Of several source tables that would become one, its namesake does, or the file's first. */
export function matchTables(input: PlanInput, tables: readonly SourceTable[]): Map<string, Match> {
  const wanted = tables.flatMap((source) => {
    const mapping = mappingOf(input.mapping, source);
    if (mapping.target === null) return [];
    const target = findByName(input.target.tables, mapping.target ?? source.name);
    if (target === undefined) return [];
    return [{ source, target, mapping, namesake: foldName(target.name) === foldName(source.name) }];
  });
  const chosen = new Map<string, (typeof wanted)[number]>();
  for (const each of [...wanted.filter(({ namesake }) => namesake), ...wanted]) {
    if (!chosen.has(each.target.name)) chosen.set(each.target.name, each);
  }

  const times: TimeReading = {
    zone: input.system.timeZone,
    runZone: input.timeZone,
    now: input.now ?? new Date(),
  };
  const matches = new Map<string, Match>();
  for (const { source, target, mapping } of chosen.values()) {
    const givesDefault = (column: TargetColumn) => refersByDefault(input.target, target, column, chosen);
    const columns = planColumns({ source, target, mapping, times, givesDefault });
    // Rows without a single value of theirs would be rows made up: such a table is kept as one that nobody knows.
    if (columns.columns.some((column) => column.source !== null)) {
      matches.set(target.name, { source, target, mapping, ...columns });
    }
  }
  return matches;
}

/**
 * Whether a column that the file lacks would refer, by its default, to a row that may not be there: then the plan gives
 * that default, so that the reference is looked at. (A table that the file lacks too keeps its seed, as the default expects.)
 */
function refersByDefault(
  description: TargetDescription,
  table: TargetTable,
  column: TargetColumn,
  chosen: ReadonlyMap<string, unknown>,
): boolean {
  return table.references.some(({ columns, table: name }) => {
    if (columns.length !== 1 || columns[0] !== column.name) return false;
    const seeded = description.tables.find((referred) => referred.name === name)?.seeded ?? [];
    return chosen.has(name) || !seeded.includes(column.constantDefault ?? "");
  });
}
