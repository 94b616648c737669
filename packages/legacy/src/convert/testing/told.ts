import type { ValueRule } from "@tenantry/schema/legacy";
import { ruleConverter } from "../values/rule.ts";
import type { Reading, SomeValue } from "../values/value.ts";

/** `text`, `text (kinds)`, `NULL (kinds)` or `!code`. */
export function told(reading: Reading): string {
  if (typeof reading === "string") return reading;
  if (reading.kind === "refused") return `!${reading.code}`;
  return `${reading.text ?? "NULL"} (${reading.by.join(", ")})`;
}

/** A rule as a function to such a line. */
export function reader(rule: ValueRule): (value: SomeValue) => string {
  const read = ruleConverter(rule);
  return (value) => told(read(value));
}
