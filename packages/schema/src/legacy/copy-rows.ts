import { once } from "node:events";
import { from as copyFrom } from "pg-copy-streams";
import { quoteIdentifier } from "../identifier.ts";
import type { PoolClient } from "../pool.ts";
import { sqlState, violatedConstraint } from "../sqlstate.ts";
import type { ImportEvent, QuarantinedRow, RefusedRow, TableFigures, TablePlan } from "./import-plan.ts";
import type { ImportTenantInput } from "./import-tenant.ts";
import { VerificationError } from "./verify-tables.ts";

/** PostgreSQL refused rows that the reader had let through: at least one. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  readonly rows: readonly RefusedRow[];

  constructor(rows: readonly RefusedRow[], cause: unknown) {
    super(rows[0]?.reason, { cause });
    this.rows = rows;
  }
}

type Rows = Extract<ImportEvent, { kind: "rows" }>;

/** Quarantined rows handed on at once. */
const BATCH = 500;

/**
 * Copies what the reader tells into the tables, as fast as PostgreSQL takes it: the reader waits meanwhile. One COPY for
 * each batch, so that PostgreSQL checks a batch's references when it ends, rather than keep all of a table's in memory.
 *
 * @param onTableEnd called when a table's rows are all there, while the reader goes on with the next
 * @returns the reader's figures, in the order of the plan's tables
 * @throws RefusedError; VerificationError when the reader counts otherwise than it tells; the reader's error; the driver's
 */
export async function loadRows(
  client: PoolClient,
  input: Pick<ImportTenantInput, "plan" | "open" | "onQuarantined" | "onProgress">,
  refused: readonly RefusedRow[],
  onTableEnd: (table: number) => Promise<void>,
): Promise<TableFigures[]> {
  const statements = input.plan.tables.map(copyStatement);
  const figures: TableFigures[] = [];
  const quarantined: number[] = [];
  const found: RefusedRow[] = [];
  let waiting: QuarantinedRow[] = [];
  const handOn = async (): Promise<void> => {
    const rows = waiting;
    waiting = [];
    if (rows.length > 0) await input.onQuarantined(rows);
  };
  let done = 0;
  // Leaving the loop, however, ends the reader.
  for await (const event of input.open(refused)) {
    const plan = input.plan.tables[event.table];
    const statement = statements[event.table];
    if (plan === undefined || statement === undefined)
      throw new Error(`the plan has no table ${event.table}`);
    switch (event.kind) {
      case "rows":
        if (refused.length === 0) await copy(client, statement, plan, event);
        else await copyAll(client, statement, plan, event, found);
        done += event.rows;
        input.onProgress({ table: plan.target, rows: done });
        break;
      case "quarantined":
        waiting.push(event.row);
        quarantined[event.table] = (quarantined[event.table] ?? 0) + 1;
        if (waiting.length >= BATCH) await handOn();
        break;
      case "table-end":
        figures[event.table] = event.figures;
        agree(event.figures, quarantined[event.table] ?? 0);
        await handOn();
        await onTableEnd(event.table).catch((error: unknown) => {
          throw refersToFound(error, found);
        });
    }
  }
  if (found.length > 0) throw new RefusedError(found, undefined);
  await handOn();
  const missing = input.plan.tables.find((_, index) => figures[index] === undefined);
  if (missing !== undefined) throw new Error(`the reader has not come to the end of table ${missing.source}`);
  return figures;
}

/** A row that the reader neither copies nor hands over would be lost, and its figures alone don't show it. */
function agree({ target, quarantined }: TableFigures, handedOver: number): void {
  if (quarantined === handedOver) return;
  throw new VerificationError(target, "rows in quarantine", String(quarantined), String(handedOver));
}

function copyStatement({ target, columns }: TablePlan): string {
  const names = columns.map((column) => quoteIdentifier(column.target)).join(", ");
  return `COPY ${quoteIdentifier(target)} (${names}) FROM STDIN`;
}

async function copy(client: PoolClient, statement: string, plan: TablePlan, event: Rows): Promise<void> {
  const stream = client.query(copyFrom(statement));
  try {
    stream.end(event.text);
    await once(stream, "finish");
  } catch (error) {
    const row = refusedRow(error, plan, event);
    throw row === null ? error : new RefusedError([row], error);
  }
}

/** Refused rows that one try looks for: after so many the mapping is to blame, not the rows. */
const MOST_FOUND = 1000;

/**
 * Copies the rows of a batch that PostgreSQL takes, and adds those that it refuses to `found`. Where one row is refused,
 * others often are, and finding each would cost a try of its own. Savepoints aren't free, so that the first try has none.
 *
 * @throws RefusedError of all that was found when there are too many, or when rows are refused that can't be told: they
 * may well refer to those that were found
 */
async function copyAll(
  client: PoolClient,
  statement: string,
  plan: TablePlan,
  event: Rows,
  found: RefusedRow[],
): Promise<void> {
  let rest = event;
  await client.query("SAVEPOINT batch");
  for (;;) {
    try {
      await copy(client, statement, plan, rest);
      await client.query("RELEASE SAVEPOINT batch");
      return;
    } catch (error) {
      if (!(error instanceof RefusedError)) {
        throw refersToFound(error, found);
      }
      found.push(...error.rows);
      if (found.length >= MOST_FOUND) throw new RefusedError(found, error);
      await client.query("ROLLBACK TO SAVEPOINT batch");
      for (const { rowId } of error.rows) rest = without(rest, rowId);
    }
  }
}

/** Rows that refer to those that were found can't be told; without both there may be no trouble. */
function refersToFound(error: unknown, found: readonly RefusedRow[]): unknown {
  const state = sqlState(error);
  return found.length > 0 && state !== undefined && ROW_TROUBLE.test(state)
    ? new RefusedError(found, error)
    : error;
}

function without(event: Rows, rowId: string): Rows {
  const place = event.rowIds.indexOf(rowId);
  let start = 0;
  for (let line = 0; line < place; line++) start = event.text.indexOf("\n", start) + 1;
  const end = event.text.indexOf("\n", start) + 1;
  return {
    ...event,
    text: Buffer.concat([event.text.subarray(0, start), event.text.subarray(end)]),
    rows: event.rows - 1,
    rowIds: event.rowIds.toSpliced(place, 1),
  };
}

/**
 * Class 22 is "data exception", 23 "integrity constraint violation", 54 "program limit exceeded": text that is too long
 * for an index. P0 is what a check's own function raises.
 */
const ROW_TROUBLE = /^(?:2[23]|54|P0)/;

/** The row that an error of COPY is about; null when it is about none. */
function refusedRow(error: unknown, plan: TablePlan, event: Rows): RefusedRow | null {
  const state = sqlState(error);
  if (state === undefined || !ROW_TROUBLE.test(state)) return null;
  const line = lineOf(error, plan.target);
  const rowId = line === null ? undefined : event.rowIds[line - 1];
  if (rowId === undefined) return null;
  const constraint = violatedConstraint(error);
  const rule = constraint === undefined ? "" : `, constraint ${constraint}`;
  return {
    table: event.table,
    rowId,
    column: plan.columns.find(({ target }) => target === plan.key)?.source ?? plan.columns[0]?.source ?? "",
    reason: `PostgreSQL refuses the row (SQLSTATE ${state}${rule}).`,
  };
}

/**
 * `COPY bookings, line 3, column time: "25:00"`. There is no field of its own for the line, and the words are the
 * server's language's; but the first number after the table's name is the line in all of them (copyfrom.c,
 * CopyFromErrorCallback). What runs within COPY comes before it, the row's own text behind.
 */
function lineOf(error: unknown, table: string): number | null {
  const where = error instanceof Error ? Reflect.get(error, "where") : undefined;
  if (typeof where !== "string") return null;
  const lines = where.split("\n");
  const context =
    lines.find((each) => each.startsWith(`COPY ${table}`)) ?? lines.find((each) => each.includes(table));
  const digits =
    context === undefined ? null : /\d+/.exec(context.slice(context.indexOf(table) + table.length));
  return digits === null ? null : Number(digits[0]);
}
