import { LEDGER_TABLE } from "../blueprint/compile.ts";
import { CONTROL_SCHEMA } from "../control/migrate.ts";
import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import { type Pool, type PoolClient, type Queryable, withClient } from "../pool.ts";
import { isTransient, sqlState } from "../sqlstate.ts";
import { qualified, relationsOf } from "../tenant/contents.ts";
import { copyOut } from "./copy-out.ts";
import { readDefinition, type SchemaDefinition } from "./ddl/read-definition.ts";
import { SnapshotNotPossibleError, SnapshotReadError, SnapshotUnsupportedError } from "./errors.ts";
import { lockOutWriters } from "./lock-out-writers.ts";
import { awaitNameLock, tryNameLock } from "./name-lock.ts";
import { readSequences } from "./sequences.ts";
import { PATIENCE, PLAIN_OUTPUT } from "./settings.ts";
import type { SnapshotContents, SnapshotFigures, SnapshotRows, SnapshotSink } from "./tenant-snapshot.ts";

export interface TakeInput {
  readonly schema: string;
  /** Keeps writers out from before the first row until the transaction ends; readers go on. */
  readonly lockOut: boolean;
  readonly sink: SnapshotSink;
  /** Told before each table, and waited for; what it throws breaks the snapshot off. */
  readonly onTable: (table: string, done: number, total: number) => Promise<void>;
  /**
   * Only with `lockOut`: what else belongs into the transaction, when the sink has all. Runs with the schema's name locked,
   * so it may be renamed here.
   */
  readonly beforeEnd?: (client: PoolClient) => Promise<"commit" | "roll-back">;
}

export interface TakenSnapshot {
  readonly contents: SnapshotContents;
  readonly figures: SnapshotFigures;
}

/** Whoever makes a table just then makes us begin again. */
const MAX_TRIES = 20;

/**
 * Reads a schema as it is at one moment, while it is in use, and hands it to the sink. Memory is flat, and so is the time
 * in the number of other tenants. Until it ends nobody may rename the schema, or change its tables' columns.
 *
 * @throws what the sink throws; SnapshotUnsupportedError; SnapshotNotPossibleError; SnapshotReadError; the driver's error.
 */
export async function takeSnapshot(pool: Pool, input: TakeInput): Promise<TakenSnapshot> {
  const mode = input.lockOut ? "exclusive" : "shared";
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const tables = await listTables(pool, input.schema);
    const taken = await withClient(pool, async (client) => {
      const opened = await openSnapshot(client, input, tables, mode);
      if (opened !== "open") {
        await client.query("ROLLBACK");
        return opened;
      }
      const snapshot = await readSnapshot(client, input);
      const end = (await input.beforeEnd?.(client)) ?? "roll-back";
      const { command } = await client.query(end === "commit" ? "COMMIT" : "ROLLBACK");
      if (end === "commit" && command !== "COMMIT") throw new Error("the snapshot's transaction had failed");
      return snapshot;
    });
    if (taken === "name-in-use") await awaitNameLock(pool, input.schema, mode);
    else if (taken !== "changed") return taken;
  }
  throw new SnapshotNotPossibleError(input.schema, "keeps-changing");
}

type Opening = "open" | "name-in-use" | "changed";

/**
 * Tables are locked before the transaction's snapshot is taken, which LOCK TABLE doesn't do: so neither do columns change
 * after it, nor does a row that was written before the lock stay unseen.
 */
async function openSnapshot(
  client: PoolClient,
  { schema, lockOut, beforeEnd }: TakeInput,
  tables: readonly string[],
  mode: "shared" | "exclusive",
): Promise<Opening> {
  const access = beforeEnd === undefined ? "READ ONLY" : "READ WRITE";
  const lock =
    tables.length === 0 || lockOut ? "" : `; LOCK TABLE ${qualified(schema, tables)} IN ACCESS SHARE MODE`;
  try {
    await client.query(
      `BEGIN ISOLATION LEVEL REPEATABLE READ, ${access}; ${PATIENCE}; ${PLAIN_OUTPUT}${lock}`,
    );
    if (lockOut) await lockOutWriters(client, schema, tables);
  } catch (error) {
    if (await isGone(client, schema, tables)) return "changed";
    throw error;
  }
  if (!(await tryNameLock(client, schema, mode))) return "name-in-use";
  // By name PostgreSQL finds what is there now, by a query what the snapshot shows.
  const { rows } = await client.query<{ same: boolean | null }>(
    `SELECT oid = to_regnamespace(${quoteLiteral(quoteIdentifier(schema))})::oid AS same
     FROM pg_namespace WHERE nspname = ${quoteLiteral(schema)}`,
  );
  if (rows[0]?.same !== true) return "changed";
  const now = await listTables(client, schema);
  return JSON.stringify(now) === JSON.stringify(tables) ? "open" : "changed";
}

/** Whether a table was dropped, or the schema renamed, between being listed and being locked. */
async function isGone(client: PoolClient, schema: string, tables: readonly string[]): Promise<boolean> {
  await client.query("ROLLBACK");
  try {
    return JSON.stringify(await listTables(client, schema)) !== JSON.stringify(tables);
  } finally {
    await client.query("BEGIN");
  }
}

async function listTables(client: Queryable, schema: string): Promise<string[]> {
  const found = await client.query<{ names: string[] | null }>(
    `SELECT (SELECT coalesce(json_agg(relname ORDER BY relname), '[]') FROM ${relationsOf(schema)} AS relation WHERE relkind IN ('r', 'p')) AS names
     FROM pg_namespace WHERE nspname = ${quoteLiteral(schema)}`,
  );
  const names = found.rows[0]?.names;
  if (names === null || names === undefined) throw new SnapshotNotPossibleError(schema, "no-schema");
  return names;
}

async function readSnapshot(client: PoolClient, input: TakeInput): Promise<TakenSnapshot> {
  const { schema, sink } = input;
  await client.query(`SET LOCAL search_path = ${quoteIdentifier(schema)}`);
  const definition = await readDefinition(client, schema);
  if (definition.unsupported.length > 0) throw new SnapshotUnsupportedError(schema, definition.unsupported);
  const contents = await readContents(client, schema, definition);
  await sink.begin(contents);
  const counted: SnapshotRows[] = [];
  for (const [number, table] of contents.tables.entries()) {
    await input.onTable(table.name, number, contents.tables.length);
    counted.push(await readRows(client, schema, table, (chunk) => sink.rows(number, chunk)));
  }
  // Behind the rows: what a sequence gave out meanwhile is more than the rows hold, never less.
  const sequences = await readSequences(client, schema, definition.sequences);
  const figures = { tables: counted, sequences };
  await sink.end(figures);
  return { contents, figures };
}

/** A lost connection says nothing of the rows. */
async function readRows(...input: Parameters<typeof copyOut>): Promise<SnapshotRows> {
  try {
    return await copyOut(...input);
  } catch (error) {
    const isRefused = sqlState(error) !== undefined && !isTransient(error);
    throw isRefused ? new SnapshotReadError(input[2].name, error) : error;
  }
}

async function readContents(
  client: PoolClient,
  schema: string,
  { tables, before, after, fingerprint }: SchemaDefinition,
): Promise<SnapshotContents> {
  const { rows } = await client.query<{ server: number; snapshot: string; takenAt: Date }>(
    `SELECT current_setting('server_version_num')::int AS server, pg_current_snapshot()::text AS snapshot, now() AS "takenAt"`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error("PostgreSQL didn't tell its version");
  const takenAt = row.takenAt.toISOString();
  const ledger = await readLedger(client, schema, tables);
  return {
    schema,
    server: row.server,
    snapshot: row.snapshot,
    takenAt,
    ledger,
    tables,
    before,
    after,
    fingerprint,
  };
}

async function readLedger(
  client: PoolClient,
  schema: string,
  tables: SchemaDefinition["tables"],
): Promise<string[]> {
  if (schema === CONTROL_SCHEMA || !tables.some(({ name }) => name === LEDGER_TABLE)) return [];
  const { rows } = await client.query<{ name: string }>(
    `SELECT name FROM ${qualified(schema, [LEDGER_TABLE])} ORDER BY name COLLATE "C"`,
  );
  return rows.map(({ name }) => name);
}
