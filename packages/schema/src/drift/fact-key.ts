import type { CatalogObject } from "../snapshot/ddl/statement.ts";
import type { StructureFact } from "./structure.ts";

/** What a fact is found by in another schema's. */
export function factKey({ class: of, name }: Pick<StructureFact, "class" | "name">): string {
  return `${of}\t${name}`;
}

/** The key of the fact that an object of a definition is; names as `OBJECT_NAME` makes them in SQL. */
export function objectKey({ class: of, target, sort, sql }: CatalogObject): string {
  const numbered = / \d{5}$/.test(sort);
  const column = /ALTER COLUMN ("(?:[^"]|"")*"|[^ ]+)/.exec(sql ?? "")?.[1] ?? "";
  return factKey({ class: of, name: target ?? (numbered ? sort.slice(0, -5) + column : sort) });
}
