import type { Node } from "libpg-query";
import { lastName } from "./remember.ts";

/** PostgreSQL's own, and those of its extensions, that answer differently for each row. */
const VOLATILE = new Set([
  "random",
  "random_normal",
  "gen_random_uuid",
  "uuidv4",
  "uuidv7",
  "uuid_generate_v1",
  "uuid_generate_v1mc",
  "uuid_generate_v4",
  "clock_timestamp",
  "timeofday",
  "nextval",
  "setval",
  "currval",
  "lastval",
  "gen_random_bytes",
  "gen_salt",
  "pg_sleep",
]);

/** Whether an expression may give another value for each row, so that a default has to be written into every row. */
export function isVolatile(expression: Node, own: ReadonlySet<string>): boolean {
  return calledFunctions(expression).some((name) => VOLATILE.has(name) || own.has(name));
}

function calledFunctions(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(calledFunctions);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    ...(key === "FuncCall" ? [lastName((inner as { funcname?: Node[] }).funcname)] : []),
    ...calledFunctions(inner),
  ]);
}
