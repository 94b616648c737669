import type { LegacyValue, QuarantineCode, RetriedRefusal, TablePlan } from "@tenantry/schema";
import type { RetryQuarantineOutcome } from "./retry-quarantine-request.ts";

export type RowRefusal = RetryQuarantineOutcome["refused"][number];

/** What PostgreSQL's SQLSTATEs say of a row: class 22 is "data exception", 23 "integrity constraint violation". */
const REFUSALS: Readonly<Record<string, readonly [QuarantineCode, string]>> = {
  "23502": ["missing", "There is no value where there has to be one"],
  "23503": ["orphan", "It refers to a row that isn't there"],
  "23505": ["duplicate", "Another row has the same value, and only one may"],
  "23514": ["not-allowed", "The value is none of those that its column takes"],
  "22001": ["too-long", "The text is longer than its column"],
  "22003": ["out-of-range", "The number is outside of what its column can hold"],
};

/** Why PostgreSQL didn't take a row. Its own sentence may quote the row, so it isn't passed on. */
export function refusedByDatabase(refusal: RetriedRefusal, column: string): RowRefusal {
  const { id, sqlState, constraint } = refusal;
  const [code, words] = REFUSALS[sqlState] ?? (["refused", "PostgreSQL refused the row"] as const);
  const where = constraint === null ? `SQLSTATE ${sqlState}` : `constraint ${constraint}`;
  return { id, column, code, reason: `${words} (${where}).` };
}

/** The refusal of a row that another license's rows lie among, and that isn't this one's; null when it is. */
export function refusedForOwner(
  id: string,
  { owner }: TablePlan,
  row: Readonly<Record<string, LegacyValue>>,
): RowRefusal | null {
  if (owner === null || owner.values.includes(textOf(row[owner.column] ?? null))) return null;
  return {
    id,
    column: owner.column,
    code: "other-license",
    reason: "The row belongs to another license than the file it lies in.",
  };
}

/** As the plan's owners are written. No owner is a blob. */
function textOf(value: LegacyValue): string {
  if (value === null) return "";
  if (typeof value !== "object") return String(value);
  return "integer" in value ? value.integer : "";
}
