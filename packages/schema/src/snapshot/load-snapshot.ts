import { ROLE_SETTING, roleSettingScript } from "../blueprint/tenant-rights.ts";
import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import { type Pool, type PoolClient, withClient } from "../pool.ts";
import { isTransient } from "../sqlstate.ts";
import { relationsOf } from "../tenant/contents.ts";
import { createRoleScript, type Gateway } from "../tenant/gateway.ts";
import { lockName } from "../tenant/provision.ts";
import { CopyIn } from "./copy-in.ts";
import { SnapshotLoadError, SnapshotMismatchError } from "./errors.ts";
import { setSequencesScript } from "./sequences.ts";
import { PATIENCE, PLAIN_OUTPUT } from "./settings.ts";
import type { SnapshotSource } from "./tenant-snapshot.ts";
import { type LoadFigures, verifyLoaded } from "./verify-loaded.ts";

export interface LoadInput {
  readonly source: SnapshotSource;
  /** Made new. */
  readonly schema: string;
  /** The tenant's, which is given its rights; null for a schema that nobody is to enter but its owner. */
  readonly role: string | null;
  /** Makes the role when it isn't there; null when it surely is, or there is none. */
  readonly gateway: Gateway | null;
  /** Asked once, with the schema's name locked and before anything is written. */
  readonly mayProceed: () => Promise<boolean>;
  /** Told before each table. */
  readonly onTable: (table: string, done: number, total: number) => void;
  /**
   * What else belongs into the transaction, when all is loaded and verified; the new schema alone is on the path.
   * "roll-back" for a mere verification.
   */
  readonly finish: (client: PoolClient, figures: LoadFigures) => Promise<"commit" | "roll-back">;
}

export type LoadOutcome =
  | { readonly kind: "loaded" | "rolled-back"; readonly figures: LoadFigures }
  /** A schema of that name is there already; nothing was changed. */
  | { readonly kind: "name-taken" }
  /** `mayProceed` said no; nothing was changed. */
  | { readonly kind: "superseded" };

/**
 * Makes a schema from a snapshot and proves that it is the same, in one transaction: all of it there or nothing, whatever
 * dies in between.
 *
 * @throws SnapshotLoadError when PostgreSQL refuses a part of it, SnapshotMismatchError when something else came of it; what
 * the source and `finish` throw; the driver's error when it is PostgreSQL's trouble and not the snapshot's.
 */
export async function loadSnapshot(pool: Pool, input: LoadInput): Promise<LoadOutcome> {
  // What a schema of many tables leaves in a connection's caches makes every later one slower.
  return withClient(pool, (client) => load(client, input), { reuse: false });
}

async function load(client: PoolClient, input: LoadInput): Promise<LoadOutcome> {
  const { schema, source } = input;
  const { contents } = source;
  if (await lockName(client, schema)) {
    await client.query("ROLLBACK");
    return { kind: "name-taken" };
  }
  if (!(await input.mayProceed())) {
    await client.query("ROLLBACK");
    return { kind: "superseded" };
  }
  await client.query(`${PATIENCE}; ${PLAIN_OUTPUT}; ${LOADING}; ${await openingScript(client, input)}`);
  await loading("tables", () => client.query(contents.before));
  await loadRows(client, input);
  await loading("keys and indexes", () => client.query(contents.after));
  await loading("sequences", () => client.query(setSequencesScript(schema, source.figures.sequences)));
  await loading("keys and indexes", () => client.query("SET CONSTRAINTS ALL IMMEDIATE"));
  // The snapshot's own statements may have set them otherwise.
  await client.query(`${PLAIN_OUTPUT}; SET LOCAL search_path = ${quoteIdentifier(schema)}`);
  const figures = await verifyLoaded(client, schema, source);
  if (standInFor(input) !== null) await client.query(withoutStandIn(schema));
  const end = await input.finish(client, figures);
  const { command } = await client.query(end === "commit" ? "COMMIT" : "ROLLBACK");
  if (end === "roll-back") return { kind: "rolled-back", figures };
  if (command !== "COMMIT") throw new Error("the load's transaction had failed");
  return { kind: "loaded", figures };
}

const LOADING = [
  // Sorting an index in memory, rather than on disk, is most of what an index costs.
  "SET LOCAL maintenance_work_mem = '256MB'",
  // A function may call one that comes behind it.
  "SET LOCAL check_function_bodies = off",
  "SET LOCAL default_table_access_method = heap",
  "SET LOCAL default_tablespace = ''",
  "SET LOCAL client_min_messages = warning",
].join("; ");

/**
 * Stands in for the role of a schema that has none, so that rights can be compared; it can't enter the schema. Not for one
 * that knows of no tenant's role.
 */
const STAND_IN = "pg_monitor";

async function openingScript(client: PoolClient, input: LoadInput): Promise<string> {
  const { schema, role, gateway } = input;
  const name = quoteIdentifier(schema);
  const script = [`CREATE SCHEMA ${name};\n`, `SET LOCAL search_path = ${name};\n`];
  if (role !== null && gateway !== null) {
    const found = await client.query(`SELECT FROM pg_roles WHERE rolname = ${quoteLiteral(role)}`);
    if (found.rowCount === 0) script.push(createRoleScript(gateway, role));
  }
  const grantee = role ?? standInFor(input);
  if (grantee !== null) {
    script.push(
      roleSettingScript(grantee),
      `ALTER DEFAULT PRIVILEGES IN SCHEMA ${name} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${quoteIdentifier(grantee)};\n`,
    );
  }
  if (role !== null) script.push(`GRANT USAGE ON SCHEMA ${name} TO ${quoteIdentifier(role)};\n`);
  return script.join("");
}

function standInFor({ role, source }: LoadInput): string | null {
  return role === null && source.contents.after.includes(ROLE_SETTING) ? STAND_IN : null;
}

/** What the stand-in has got, in a schema that may well stay. */
function withoutStandIn(schema: string): string {
  return `ALTER DEFAULT PRIVILEGES IN SCHEMA ${quoteIdentifier(schema)} REVOKE ALL ON TABLES FROM ${STAND_IN};
DO $revoke$
DECLARE each regclass;
BEGIN
  FOR each IN SELECT oid FROM ${relationsOf(schema)} AS relation WHERE relkind IN ('r', 'p', 'v', 'm', 'S')
  LOOP
    EXECUTE pg_catalog.format('REVOKE ALL ON %s FROM ${STAND_IN}', each);
  END LOOP;
END $revoke$;\n`;
}

/** Reads on while PostgreSQL takes what was read before. */
async function loadRows(client: PoolClient, { source, schema, onTable }: LoadInput): Promise<void> {
  const { tables } = source.contents;
  let copy = null as { readonly table: number; readonly into: CopyIn; pending: Promise<void> } | null;
  const endCopy = async (): Promise<void> => {
    if (copy === null) return;
    const { into, pending, table } = copy;
    copy = null;
    const name = tables[table]?.name ?? "";
    const rows = await loading(`rows of ${name}`, async () => {
      await pending;
      return into.end();
    });
    const expected = source.figures.tables[table]?.rows;
    if (rows !== expected) throw new SnapshotMismatchError(`rows of ${name}`, String(expected), String(rows));
  };
  for await (const { table: number, chunk } of source.rows()) {
    const table = tables[number];
    if (table === undefined) throw new RangeError(`the snapshot has no table ${number}`);
    if (copy?.table !== number) {
      const last: number = copy?.table ?? -1;
      if (number < last) throw new RangeError(`rows of ${table.name} come out of turn`);
      await endCopy();
      onTable(table.name, number, tables.length);
      copy = { table: number, into: new CopyIn(client, schema, table), pending: Promise.resolve() };
    }
    const { pending, into } = copy;
    await loading(`rows of ${table.name}`, () => pending);
    copy.pending = into.write(chunk);
    // Whoever waits for it hears of it.
    copy.pending.catch(() => undefined);
  }
  await endCopy();
}

/** A lost connection or a full disk says nothing of the snapshot. */
async function loading<T>(part: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isTransient(error) ? error : new SnapshotLoadError(part, error);
  }
}
