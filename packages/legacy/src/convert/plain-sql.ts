import type { ColumnPlan } from "@tenantry/schema/legacy";
import { quoteName } from "./source-table.ts";

const DIGIT = "[0-9]";
const DATE = pattern("0000-00-00");
const TIME = pattern("00:00");
const HEX = "[0-9a-f]";
const UUID = pattern("hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh");

/** A GLOB pattern in which `0` stands for a digit and `h` for a hexadecimal one. */
function pattern(example: string): string {
  return `GLOB '${example.replaceAll(/[0h]/g, (letter) => (letter === "0" ? DIGIT : HEX))}'`;
}

/**
 * SQL that is true of a column's values in the one form in which no two different values come to the same text; and of
 * NULL, unless it becomes a value. Two rows can have come to be equal only if it is false of one of them. Never NULL.
 */
export function plainCondition(plan: ColumnPlan): string {
  // Without a source every row has the same.
  if (plan.source === null) return plan.whenNull.kind === "value" ? "0" : "1";
  const column = quoteName(plan.source);
  const isNull = plan.whenNull.kind === "value" ? "0" : `${column} IS NULL`;
  return `(${isNull} OR coalesce(${formCondition(plan, column)}, 0))`;
}

function formCondition(plan: ColumnPlan, column: string): string {
  if (plan.values !== undefined || plan.pattern !== undefined) return "0";
  const typed = (type: string): string => `typeof(${column}) = '${type}'`;
  const shaped = (length: number, glob: string): string =>
    `(${typed("text")} AND length(${column}) = ${length} AND ${column} ${glob})`;
  switch (plan.value.kind) {
    case "integer":
    case "boolean":
    // Doubles may be the same number but for noise.
    case "decimal":
      return typed("integer");
    case "date":
      return shaped(10, DATE);
    case "time":
      return shaped(5, TIME);
    case "uuid":
      return shaped(36, UUID);
    case "bytes":
      return typed("blob");
    case "text":
    case "anything":
      return typed("text");
    // Times of two forms or of two zones, and documents in another order, may be the same.
    case "timestamp":
    case "json":
      return "0";
  }
}
