/** That a table's rows need those of another. */
export interface Need {
  readonly table: string;
  /** False of a deferrable reference: it may be checked later. */
  readonly firm: boolean;
}

/**
 * Puts tables into an order in which each comes after those that it needs. In a cycle the table goes first that has the
 * fewest firm needs in it, since its other references can be checked when the cycle is whole. Where nothing decides,
 * the order is that of the input.
 */
export function orderTables(
  tables: readonly string[],
  needs: ReadonlyMap<string, readonly Need[]>,
): string[] {
  const ordered: string[] = [];
  const waiting = new Set(tables);
  const open = (table: string): Need[] =>
    (needs.get(table) ?? []).filter((need) => need.table !== table && waiting.has(need.table));
  while (waiting.size > 0) {
    const next =
      tables.find((table) => waiting.has(table) && open(table).length === 0) ??
      leastBound(
        tables.filter((table) => waiting.has(table)),
        open,
      );
    if (next === undefined) break;
    ordered.push(next);
    waiting.delete(next);
  }
  return ordered;
}

/** Of tables that all wait for others: one out of a cycle that waits for nothing but itself. */
function leastBound(
  waiting: readonly string[],
  open: (table: string) => readonly Need[],
): string | undefined {
  const reach = new Map(waiting.map((table) => [table, reachable(table, open)]));
  const inCycle = waiting.filter((table) =>
    [...(reach.get(table) ?? [])].every((other) => reach.get(other)?.has(table) === true),
  );
  const firm = (table: string): number => open(table).filter((need) => need.firm).length;
  return inCycle.reduce<string | undefined>(
    (least, table) => (least === undefined || firm(table) < firm(least) ? table : least),
    undefined,
  );
}

function reachable(start: string, open: (table: string) => readonly Need[]): Set<string> {
  const seen = new Set<string>();
  const next = [start];
  for (let table = next.pop(); table !== undefined; table = next.pop()) {
    for (const need of open(table)) {
      if (seen.has(need.table)) continue;
      seen.add(need.table);
      next.push(need.table);
    }
  }
  return seen;
}
