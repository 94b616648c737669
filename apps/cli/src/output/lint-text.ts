import type { LintWarning } from "@tenantry/schema";

/** The linter's warnings, for people; of several of one kind in a migration the first, and how many more there are. */
export function lintLines(warnings: readonly LintWarning[]): string[] {
  const groups = Map.groupBy(warnings, ({ migration, code }) => `${migration} ${code}`);
  return [...groups.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    const { migration, code, statement, why, saferWay } = first;
    const more = others.length === 0 ? [] : [`  And ${others.length} more of this kind in ${migration}.`];
    return [`warning: ${migration}: ${code}: ${statement}`, `  ${why}`, ...more, `  Safer: ${saferWay}`];
  });
}
