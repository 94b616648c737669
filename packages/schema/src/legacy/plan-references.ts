import type { ReferencePlan } from "./import-plan.ts";
import type { Match } from "./match-tables.ts";
import type { Need } from "./table-order.ts";
import type { TargetDescription } from "./target-description.ts";

/** What a table's foreign keys, of however many columns, make it wait for. */
export function needsOf({ target, mapping }: Match): Need[] {
  return [
    ...target.references.map(({ table, deferrable }) => ({ table, firm: !deferrable })),
    ...(mapping.references ?? []).map(({ table }) => ({ table, firm: true })),
  ];
}

/** By target table, the column that others refer to it by: the first that is named, in the order of the tables. */
export function referredColumns(
  matches: readonly Match[],
  description: TargetDescription,
): ReadonlyMap<string, string> {
  const referred = new Map<string, string>();
  for (const { table, key } of matches.flatMap((match) => wantedReferences(match, description))) {
    if (!referred.has(table)) referred.set(table, key);
  }
  return referred;
}

/** The references of one table's plan, to tables by their index among all. */
export function referencePlans(
  match: Match,
  ordered: readonly Match[],
  referred: ReadonlyMap<string, string>,
  description: TargetDescription,
): ReferencePlan[] {
  return wantedReferences(match, description)
    .filter(({ table, key }) => referred.get(table) === key)
    .map(({ column, table, key, when }) => {
      const index = ordered.findIndex(({ target }) => target.name === table);
      const holdsKey = ordered[index]?.columns.some(({ target }) => target === key) === true;
      const seeded = description.tables.find(({ name }) => name === table)?.seeded ?? [];
      return {
        column,
        table: holdsKey ? index : null,
        seeded: index === -1 ? seeded : [],
        ...(when === undefined ? {} : { when }),
      };
    });
}

interface WantedReference {
  readonly column: string;
  readonly table: string;
  readonly key: string;
  readonly when?: ReferencePlan["when"];
}

/** What the columns of a plan refer to: the foreign keys of one column, and those that the mapping tells of. */
function wantedReferences({ target, mapping, columns }: Match, description: TargetDescription) {
  const plain = target.references.flatMap(({ columns, table, targetColumns }): WantedReference[] => {
    const [column] = columns;
    const [key] = targetColumns;
    if (columns.length !== 1 || column === undefined || key === undefined) return [];
    return [{ column, table, key }];
  });
  const conditional = (mapping.references ?? []).flatMap(({ column, table, when }): WantedReference[] => {
    const key = description.tables.find(({ name }) => name === table)?.primaryKey ?? [];
    return key[0] !== undefined && key.length === 1 ? [{ column, table, key: key[0], when }] : [];
  });
  const given = new Set(columns.map((column) => column.target));
  return [...plain, ...conditional].filter(({ column }) => given.has(column));
}
