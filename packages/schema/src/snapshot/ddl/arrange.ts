import type { Catalog } from "./catalog.ts";
import type { CatalogObject } from "./statement.ts";

const keyOf = (kind: string, oid: string): string => `${kind}/${oid}`;

/**
 * Puts objects into an order in which each finds what it needs. What has to be there before the rows, and what that needs,
 * comes first; else ranks and names decide, so that two schemas that hold the same give the same order.
 */
export function arrange(catalog: Catalog): { before: CatalogObject[]; after: CatalogObject[] } {
  const made = catalog.objects
    .filter(({ sql }) => sql !== null && sql !== "")
    .sort((a, b) => a.rank - b.rank || compare(a.sort, b.sort) || compare(a.class, b.class));
  const byKey = new Map(made.map((object) => [keyOf(object.class, object.oid), object]));
  const aliases = new Map(
    catalog.aliases.map((alias) => [keyOf(alias.class, alias.oid), keyOf(alias.isClass, alias.isOid)]),
  );
  const find = (start: string): CatalogObject | undefined => {
    let key: string | undefined = start;
    while (key !== undefined && !byKey.has(key)) key = aliases.get(key);
    return key === undefined ? undefined : byKey.get(key);
  };
  const needs = new Map<CatalogObject, Set<CatalogObject>>();
  for (const each of catalog.needs) {
    const from = find(keyOf(each.class, each.oid));
    const to = find(keyOf(each.needsClass, each.needsOid));
    if (from === undefined || to === undefined || from === to) continue;
    needs.set(from, (needs.get(from) ?? new Set()).add(to));
  }
  const placed = new Set<CatalogObject>();
  const place = (object: CatalogObject, into: CatalogObject[]): void => {
    if (placed.has(object)) return;
    placed.add(object);
    const first = [...(needs.get(object) ?? [])].sort((a, b) => a.rank - b.rank || compare(a.sort, b.sort));
    for (const need of first) place(need, into);
    into.push(object);
  };
  const before: CatalogObject[] = [];
  const after: CatalogObject[] = [];
  for (const object of made) if (object.phase === "before") place(object, before);
  for (const object of made) place(object, after);
  return { before, after };
}

/** By code units, whatever the machine's language is. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
