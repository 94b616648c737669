import { once } from "node:events";
import { from as copyFrom } from "pg-copy-streams";
import { quoteIdentifier } from "../identifier.ts";
import type { PoolClient } from "../pool.ts";
import { sqlState, violatedConstraint } from "../sqlstate.ts";
import type { ImportEvent, QuarantinedRow, RefusedRow, TableFigures, TablePlan } from "./import-plan.ts";
import type { ImportTenantInput } from "./import-tenant.ts";

/** PostgreSQL refused a row that the reader had let through. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  readonly row: RefusedRow;

  constructor(row: RefusedRow, cause: unknown) {
    super(row.reason, { cause });
    this.row = row;
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
 * @throws RefusedError; the reader's error; the driver's
 */
export async function loadRows(
  client: PoolClient,
  input: Pick<ImportTenantInput, "plan" | "open" | "onQuarantined" | "onProgress">,
  refused: readonly RefusedRow[],
  onTableEnd: (table: number) => Promise<void>,
): Promise<TableFigures[]> {
  const statements = input.plan.tables.map(copyStatement);
  const figures: TableFigures[] = [];
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
        await copy(client, statement, plan, event);
        done += event.rows;
        input.onProgress({ table: plan.target, rows: done });
        break;
      case "quarantined":
        waiting.push(event.row);
        if (waiting.length >= BATCH) await handOn();
        break;
      case "table-end":
        figures[event.table] = event.figures;
        await handOn();
        await onTableEnd(event.table);
    }
  }
  await handOn();
  const missing = input.plan.tables.find((_, index) => figures[index] === undefined);
  if (missing !== undefined) throw new Error(`the reader has not come to the end of table ${missing.source}`);
  return figures;
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
    throw row === null ? error : new RefusedError(row, error);
  }
}

/** Class 22 is "data exception", 23 "integrity constraint violation". */
const ROW_TROUBLE = /^2[23]/;

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
 * CopyFromErrorCallback).
 */
function lineOf(error: unknown, table: string): number | null {
  const where = error instanceof Error ? Reflect.get(error, "where") : undefined;
  if (typeof where !== "string") return null;
  const context = where.split("\n").find((each) => each.includes("COPY ") && each.includes(table));
  const digits =
    context === undefined ? null : /\d+/.exec(context.slice(context.indexOf(table) + table.length));
  return digits === null ? null : Number(digits[0]);
}
