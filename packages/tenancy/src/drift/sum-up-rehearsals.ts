import type { RehearsalFailure } from "@tenantry/schema";
import type { RehearsedTenant } from "./dry-run-upgrade.ts";

/** What the rehearsals of one blueprint come to. */
export interface RehearsalSum {
  readonly blueprint: string;
  readonly to: string;
  /** Rehearsed to the end; with a migration that fails; not to be rehearsed; at the version already. */
  readonly tenants: {
    readonly succeeded: number;
    readonly failed: number;
    readonly notPossible: number;
    readonly current: number;
  };
  /** Of the whole upgrade, of those that succeeded; null when none did. */
  readonly milliseconds: { readonly median: number; readonly most: number } | null;
  readonly migrations: readonly {
    readonly name: string;
    readonly tenants: number;
    readonly medianMs: number;
    readonly mostMs: number;
    readonly outsideTransaction: readonly string[];
  }[];
  /** On what was there before: while the migration runs, nobody reads (`AccessExclusiveLock`) or writes it. */
  readonly locks: readonly { readonly relation: string; readonly mode: string; readonly migration: string }[];
  /** Written anew, with the most bytes that any tenant had in it. */
  readonly rewrites: readonly {
    readonly table: string;
    readonly migration: string;
    readonly mostBytes: number;
  }[];
  readonly failures: readonly (RehearsalFailure & { readonly licenseKeys: readonly string[] })[];
}

/** One for each blueprint, in the order in which they come. */
export function sumUp(tenants: readonly RehearsedTenant[]): RehearsalSum[] {
  const groups = Map.groupBy(tenants, ({ blueprint }) => blueprint);
  return [...groups].map(([blueprint, members]) => sumOf(blueprint, members));
}

function sumOf(blueprint: string, members: readonly RehearsedTenant[]): RehearsalSum {
  const rehearsed = members.flatMap(({ rehearsal, licenseKey }) =>
    rehearsal.kind === "rehearsed" ? [{ ...rehearsal, licenseKey }] : [],
  );
  const whole = rehearsed.filter(({ failure }) => failure === null);
  const migrations = Map.groupBy(
    rehearsed.flatMap((each) => each.migrations),
    ({ name }) => name,
  );
  const count = (kind: string): number => members.filter(({ rehearsal }) => rehearsal.kind === kind).length;
  return {
    blueprint,
    to: members[0]?.to ?? "",
    tenants: {
      succeeded: whole.length,
      failed: rehearsed.length - whole.length,
      notPossible: count("not-possible") + count("failed"),
      current: count("current"),
    },
    milliseconds: whole.length === 0 ? null : middle(whole.map(({ milliseconds }) => milliseconds)),
    migrations: [...migrations].sort().map(([name, runs]) => {
      const { median, most } = middle(runs.map(({ milliseconds }) => milliseconds));
      const outsideTransaction = runs[0]?.outsideTransaction ?? [];
      return { name, tenants: runs.length, medianMs: median, mostMs: most, outsideTransaction };
    }),
    locks: firstOf(
      rehearsed.flatMap((each) => each.locks),
      ({ relation, mode }) => `${relation} ${mode}`,
    ),
    rewrites: [
      ...Map.groupBy(
        rehearsed.flatMap((each) => each.rewrites),
        ({ table, migration }) => `${migration} ${table}`,
      ).values(),
    ].flatMap(([first, ...rest]) =>
      first === undefined
        ? []
        : [
            {
              table: first.table,
              migration: first.migration,
              mostBytes: Math.max(first.bytes, ...rest.map(({ bytes }) => bytes)),
            },
          ],
    ),
    failures: [
      ...Map.groupBy(
        rehearsed.flatMap(({ failure, licenseKey }) => (failure === null ? [] : [{ failure, licenseKey }])),
        ({ failure }) => JSON.stringify(failure),
      ).values(),
    ].flatMap((same) =>
      same[0] === undefined
        ? []
        : [{ ...same[0].failure, licenseKeys: same.map(({ licenseKey }) => licenseKey) }],
    ),
  };
}

function middle(numbers: readonly number[]): { median: number; most: number } {
  const sorted = [...numbers].sort((a, b) => a - b);
  return { median: sorted[Math.floor(sorted.length / 2)] ?? 0, most: sorted.at(-1) ?? 0 };
}

function firstOf<T>(all: readonly T[], keyOf: (each: T) => string): T[] {
  return [...new Map(all.toReversed().map((each) => [keyOf(each), each])).values()].reverse();
}
