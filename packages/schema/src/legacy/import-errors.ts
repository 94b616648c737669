import { sqlState, violatedConstraint } from "../sqlstate.ts";
import type { RefusedRow } from "./import-plan.ts";

/** PostgreSQL refuses more rows, one after the other, than are worth a try each: the mapping doesn't fit the file. */
export class ImportRefusedError extends Error {
  override readonly name = "ImportRefusedError";
  readonly refused: readonly RefusedRow[];

  constructor(refused: readonly RefusedRow[]) {
    super(
      `PostgreSQL has refused ${refused.length} rows that nobody foresaw, the last of them: ${refused.at(-1)?.reason}`,
    );
    this.refused = refused;
  }
}

/** Some rows break a constraint, and PostgreSQL doesn't tell which: the mapping doesn't fit the file. */
export class ImportConstraintError extends Error {
  override readonly name = "ImportConstraintError";
  readonly constraint: string;

  constructor(cause: unknown) {
    const constraint = violatedConstraint(cause) ?? `SQLSTATE ${sqlState(cause)}`;
    super(`rows of the file break ${constraint}, and which they are can't be told`, { cause });
    this.constraint = constraint;
  }
}

/** Tells the errors of checks that concern all rows of a table from those that a callback may throw. */
export async function checking<T>(check: Promise<T>): Promise<T> {
  try {
    return await check;
  } catch (error) {
    // "Integrity constraint violation".
    throw sqlState(error)?.startsWith("23") === true ? new ImportConstraintError(error) : error;
  }
}
