import { once } from "node:events";
import { from as copyFrom } from "pg-copy-streams";
import { quoteIdentifier } from "../identifier.ts";
import type { PoolClient } from "../pool.ts";
import { SQLSTATE, sqlState, violatedConstraint } from "../sqlstate.ts";
import { isRowTrouble, lineOf, refusalOf } from "./copy-refusal.ts";
import type { ImportEvent, RefusedRow, TablePlan } from "./import-plan.ts";
import type { TargetTable } from "./target-description.ts";

/** Rows that a reader has told at once. */
export type Batch = Extract<ImportEvent, { kind: "rows" }>;

/** Where batches of one table go. */
export interface CopyTarget {
  readonly client: PoolClient;
  readonly plan: TablePlan;
  /** What the blueprint makes of the table; undefined for one that isn't its own. */
  readonly known: TargetTable | undefined;
  /** Whether rows of a table, by its name in the tenant's schema, were found to be refused. */
  readonly lacksRows: (table: string) => boolean;
}

/** PostgreSQL refused rows that the reader had let through. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  /** Those that are known: none when PostgreSQL doesn't say which of many it is. */
  readonly rows: readonly RefusedRow[];

  constructor(rows: readonly RefusedRow[], cause?: unknown) {
    super(rows[0]?.reason, { cause });
    this.rows = rows;
  }
}

/**
 * Copies a batch as a whole.
 *
 * @throws RefusedError, for which the transaction is lost; the driver's error, when it is about no row
 */
export async function copyBatch(target: CopyTarget, batch: Batch): Promise<void> {
  const error = await copyText(target, batch.text);
  if (error === null) return;
  const line = lineOf(error, target.plan.target);
  const rowId = line === null ? undefined : batch.rowIds[line - 1];
  throw new RefusedError(rowId === undefined ? [] : [refusal(target, batch, error, rowId)], error);
}

/** Refused rows that one try looks for: after so many the mapping is to blame, not the rows. */
const MOST_FOUND = 1000;

/**
 * Copies what PostgreSQL takes of a batch, one row after the other in effect. What it refuses stays out and is added to
 * `found`, and the transaction goes on: where one row is refused others often are, and finding each would cost a try of its
 * own. Savepoints aren't free, so that the first try has none.
 *
 * @throws RefusedError of all that was found, when that is too much, or when a row may refer to one of them; the driver's error, when it is about no row
 */
export async function copyTakenRows(target: CopyTarget, batch: Batch, found: RefusedRow[]): Promise<void> {
  const { client } = target;
  const ends = lineEnds(batch.text);
  // Lines that wait, from 0, `to` excluded; the next is the last.
  const waiting = [{ from: 0, to: ends.length }];
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    const { from, to } = part;
    if (from >= to) continue;
    await client.query("SAVEPOINT batch");
    const error = await copyText(target, batch.text.subarray(ends[from - 1] ?? 0, ends[to - 1]));
    if (error === null) {
      await client.query("RELEASE SAVEPOINT batch");
      continue;
    }
    if (mayReferTo(target, error)) throw new RefusedError(found, error);
    await client.query("ROLLBACK TO SAVEPOINT batch; RELEASE SAVEPOINT batch");
    const line = to - from === 1 ? 1 : lineOf(error, target.plan.target);
    const rowId = line === null ? undefined : batch.rowIds[from + line - 1];
    if (line === null || rowId === undefined || from + line > to) {
      const middle = Math.floor((from + to) / 2);
      waiting.push({ from: middle, to }, { from, to: middle });
      continue;
    }
    found.push(refusal(target, batch, error, rowId));
    if (found.length >= MOST_FOUND) throw new RefusedError(found, error);
    waiting.push({ from: from + line, to }, { from, to: from + line - 1 });
  }
}

/** Whether an error is about a row that refers to a table of which rows are missing. */
function mayReferTo({ known, lacksRows }: CopyTarget, error: unknown): boolean {
  if (sqlState(error) !== SQLSTATE.foreignKeyViolation) return false;
  const key = known?.references.find(({ constraint }) => constraint === violatedConstraint(error));
  return key !== undefined && lacksRows(key.table);
}

function refusal({ plan, known }: CopyTarget, batch: Batch, error: unknown, rowId: string): RefusedRow {
  return refusalOf(error, plan, batch.table, rowId, known?.rules ?? []);
}

/** The offsets behind the lines' ends. A line's own line breaks are written as `\n`. */
function lineEnds(text: Buffer): number[] {
  const ends: number[] = [];
  for (let at = text.indexOf(0x0a); at !== -1; at = text.indexOf(0x0a, at + 1)) ends.push(at + 1);
  return ends;
}

/** Returns the error when it is about a row, and throws any other. */
async function copyText({ client, plan }: CopyTarget, text: Buffer): Promise<unknown> {
  const columns = plan.columns.map((column) => quoteIdentifier(column.target)).join(", ");
  const stream = client.query(copyFrom(`COPY ${quoteIdentifier(plan.target)} (${columns}) FROM STDIN`));
  try {
    stream.end(text);
    await once(stream, "finish");
    return null;
  } catch (error) {
    if (!isRowTrouble(error)) throw error;
    return error;
  }
}
