import type { CompiledBlueprint } from "../blueprint/compile.ts";
import { LIMITS_TABLE, limitsOf } from "../blueprint/limits.ts";
import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import { type Pool, type PoolClient, withClient } from "../pool.ts";
import { SQLSTATE, sqlState, violatedConstraint } from "../sqlstate.ts";
import { readMarker } from "../tenant/marker.ts";
import { describeTarget } from "./describe-target.ts";
import type { ImportPlan, TablePlan } from "./import-plan.ts";
import { moveSequences } from "./move-sequences.ts";
import { PLAIN_TEXT } from "./verify-tables.ts";

/** A row that leaves quarantine, converted by its table's plan. */
export interface RetriedRow {
  readonly id: string;
  /** Index in the plan's tables. */
  readonly table: number;
  /** In the order of the plan's columns. */
  readonly values: readonly (string | null)[];
}

export interface InsertRetriedInput {
  readonly tenantId: string;
  readonly schema: string;
  readonly blueprint: CompiledBlueprint;
  readonly plan: ImportPlan;
  readonly rows: readonly RetriedRow[];
  /**
   * Told right before the commit what it is about to bring in, and the transaction's id: whoever dies in between learns from
   * `retryStatus` how it ended.
   */
  readonly beforeCommit?: (transactionId: string, inserted: readonly string[]) => Promise<void>;
}

export interface RetriedRefusal {
  readonly id: string;
  readonly sqlState: string;
  readonly constraint: string | null;
}

export type InsertRetriedOutcome =
  | {
      readonly kind: "done";
      readonly inserted: readonly string[];
      readonly refused: readonly RetriedRefusal[];
    }
  /** The schema isn't this tenant's, or isn't there any more. */
  | { readonly kind: "no-tenant" };

/**
 * Puts rows from quarantine into a tenant that is in use: in one transaction, parents before children whatever their
 * order, each row that PostgreSQL refuses told apart. A row that is there already, value for value, counts as inserted:
 * an earlier attempt may have committed it and died before it could say so. Old data may hold more than the license
 * allows, so the license's limits don't count these rows; whoever adds rows meanwhile waits.
 *
 * @throws the driver's error; nothing is inserted then.
 */
export async function insertRetried(pool: Pool, input: InsertRetriedInput): Promise<InsertRetriedOutcome> {
  const target = await describeTarget(pool, input.blueprint);
  return withClient(pool, async (client) => {
    await client.query(`BEGIN; ${PLAIN_TEXT}; SET LOCAL search_path = ${quoteIdentifier(input.schema)}`);
    // Within the transaction: whoever drops the schema waits for us from now on.
    const marker = await readMarker(client, input.schema);
    if (marker.kind !== "tenant" || marker.tenantId !== input.tenantId) {
      await client.query("ROLLBACK");
      return { kind: "no-tenant" };
    }
    const limits = limitsOf(input.blueprint.blueprint).length > 0 ? await liftLimits(client) : [];
    const { inserted, refused } = await insertRows(client, input);
    const touched = new Set(input.rows.map(({ table }) => input.plan.tables[table]?.target));
    const moves = target.tables
      .filter(({ name }) => touched.has(name))
      .flatMap((table) => moveSequences(input.schema, table));
    await client.query([...moves, ...limits].join(""));
    if (inserted.length > 0) await input.beforeCommit?.(await transactionId(client), inserted);
    await client.query("COMMIT");
    return { kind: "done", inserted, refused };
  });
}

async function transactionId(client: PoolClient): Promise<string> {
  const { rows } = await client.query<{ id: string }>("SELECT pg_current_xact_id()::text AS id");
  return rows[0]?.id ?? "";
}

/** How a transaction of `insertRetried` ended; `unknown` when that is too long ago to be known. */
export async function retryStatus(
  pool: Pool,
  transactionId: string,
): Promise<"committed" | "aborted" | "in progress" | "unknown"> {
  const { rows } = await pool.query<{ status: "committed" | "aborted" | "in progress" | null }>(
    "SELECT pg_xact_status($1::text::xid8) AS status",
    [transactionId],
  );
  return rows[0]?.status ?? "unknown";
}

/**
 * Makes the limits as wide as can be, and returns the SQL that narrows them again. Whoever adds rows, or changes the
 * license, locks the limits' rows as well: they wait, and find them as they were.
 */
async function liftLimits(client: PoolClient): Promise<string[]> {
  const { rows } = await client.query<{ name: string; maximum: number }>(
    `SELECT name, maximum FROM ${LIMITS_TABLE} ORDER BY name FOR UPDATE`,
  );
  await client.query(`UPDATE ${LIMITS_TABLE} SET maximum = ${MOST_INTEGER}`);
  return rows.map(
    ({ name, maximum }) =>
      `UPDATE ${LIMITS_TABLE} SET maximum = ${maximum} WHERE name = ${quoteLiteral(name)};\n`,
  );
}

const MOST_INTEGER = 2 ** 31 - 1;

async function insertRows(
  client: PoolClient,
  { plan, rows }: InsertRetriedInput,
): Promise<{ inserted: string[]; refused: RetriedRefusal[] }> {
  const inserted: string[] = [];
  let waiting = [...rows].sort((a, b) => a.table - b.table);
  let refused: RetriedRefusal[] = [];
  // A row may wait for one of its own table that comes later: as long as a round brings any in, another may.
  for (let before = -1; waiting.length > 0 && waiting.length !== before; ) {
    before = waiting.length;
    refused = [];
    const left: RetriedRow[] = [];
    for (const row of waiting) {
      const table = plan.tables[row.table];
      if (table === undefined) throw new Error(`the plan has no table ${row.table}`);
      const refusal = await insertRow(client, table, row);
      if (refusal === null) inserted.push(row.id);
      else {
        refused.push(refusal);
        left.push(row);
      }
    }
    waiting = left;
  }
  return { inserted, refused };
}

/**
 * Class 22 is "data exception", 23 "integrity constraint violation", 54 "program limit exceeded"; a trigger may refuse
 * with a class of its own.
 */
const ROW_TROUBLE = /^(?:2[23]|54|P0|TN)/;

async function insertRow(
  client: PoolClient,
  table: TablePlan,
  row: RetriedRow,
): Promise<RetriedRefusal | null> {
  const name = quoteIdentifier(table.target);
  const columns = table.columns.map(({ target }) => quoteIdentifier(target));
  const places = columns.map((_, index) => `$${index + 1}`);
  await client.query("SAVEPOINT retried");
  try {
    await client.query(
      `INSERT INTO ${name} (${columns.join(", ")}) OVERRIDING SYSTEM VALUE VALUES (${places.join(", ")})`,
      [...row.values],
    );
    await client.query("SET CONSTRAINTS ALL IMMEDIATE; RELEASE SAVEPOINT retried");
    return null;
  } catch (error) {
    const state = sqlState(error);
    if (state === undefined || !ROW_TROUBLE.test(state)) throw error;
    await client.query("ROLLBACK TO SAVEPOINT retried");
    if (state === SQLSTATE.uniqueViolation && (await isThere(client, table, row))) return null;
    return { id: row.id, sqlState: state, constraint: violatedConstraint(error) ?? null };
  }
}

async function isThere(client: PoolClient, table: TablePlan, row: RetriedRow): Promise<boolean> {
  const same = table.columns.map(
    ({ target }, index) => `${quoteIdentifier(target)}::text IS NOT DISTINCT FROM $${index + 1}::text`,
  );
  const { rows } = await client.query<{ there: boolean }>(
    `SELECT EXISTS (SELECT FROM ${quoteIdentifier(table.target)} WHERE ${same.join(" AND ")}) AS there`,
    [...row.values],
  );
  return rows[0]?.there === true;
}
