import { type CompiledBlueprint, LEDGER_TABLE, ledgerRowsScript } from "../blueprint/compile.ts";
import { roleSettingScript } from "../blueprint/tenant-rights.ts";
import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import { type Pool, type PoolClient, withClient } from "../pool.ts";
import { sqlState } from "../sqlstate.ts";
import { ADVISORY_LOCK_SPACE } from "../tenant/advisory-lock.ts";
import { MARKER_TABLE } from "../tenant/marker.ts";
import { type RelationState, relationsQuery, rewrittenTables, type TableRewrite } from "./relations.ts";

export interface RehearseInput {
  readonly tenantId: string;
  readonly schema: string;
  readonly role: string;
  readonly blueprint: CompiledBlueprint;
  /** How long it may wait for a lock, during which the tenant's queries wait behind it; for each statement; for all of it. Milliseconds. */
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number;
  readonly totalTimeoutMs: number;
}

export interface RehearsedMigration {
  readonly name: string;
  readonly milliseconds: number;
  /** Statements that the upgrade runs outside a transaction, `CREATE INDEX CONCURRENTLY`; here they were run without that word. */
  readonly outsideTransaction: readonly string[];
}

export interface RehearsedLock {
  /** A table that was there before, or what belongs to one. */
  readonly relation: string;
  /** As in `pg_locks`: `AccessExclusiveLock`. */
  readonly mode: string;
  /** The first migration that took it. */
  readonly migration: string;
}

export type Rehearsal =
  /** At its blueprint's version already. */
  | { readonly kind: "current"; readonly from: string | null }
  /** Not what the registry says: nothing was tried. */
  | { readonly kind: "not-possible"; readonly reason: string }
  | {
      readonly kind: "rehearsed";
      readonly from: string | null;
      /** All of the upgrade, from the first migration to the last. */
      readonly milliseconds: number;
      /** Those that succeeded, in order. */
      readonly migrations: readonly RehearsedMigration[];
      /** Those that stop others from writing or reading, on what was there before; the strongest of each. */
      readonly locks: readonly RehearsedLock[];
      readonly rewrites: readonly (TableRewrite & { readonly migration: string })[];
      readonly failure: RehearsalFailure | null;
    };

export interface RehearsalFailure {
  readonly migration: string;
  readonly sqlState: string;
  /** Of the schema's own making, never a row's value: table, column or constraint that PostgreSQL names. */
  readonly about: string | null;
}

/**
 * Runs what would bring a tenant to its blueprint's version, measures it, and rolls it back. Nothing stays but numbers that a
 * migration has drawn from sequences, which PostgreSQL doesn't give back.
 *
 * @throws the driver's error where it isn't a migration's
 */
export async function rehearseUpgrade(pool: Pool, input: RehearseInput): Promise<Rehearsal> {
  return withClient(
    pool,
    async (client) => {
      const result = await rehearse(client, input);
      await client.query("ROLLBACK");
      return result;
    },
    // It has loaded what is about to be undone.
    { reuse: false },
  );
}

async function rehearse(client: PoolClient, input: RehearseInput): Promise<Rehearsal> {
  const { schema, blueprint } = input;
  const quoted = quoteIdentifier(schema);
  await client.query(
    `BEGIN; SET LOCAL lock_timeout = ${input.lockTimeoutMs}; SET LOCAL statement_timeout = ${input.statementTimeoutMs};
     SET LOCAL idle_in_transaction_session_timeout = ${input.totalTimeoutMs};
     SELECT pg_advisory_xact_lock(${ADVISORY_LOCK_SPACE.tenantSchema}, hashtext(${quoteLiteral(schema)}))`,
  );
  const reason = await strangeness(client, input);
  if (reason !== null) return { kind: "not-possible", reason };
  const { rows } = await client.query<{ name: string }>(
    `SELECT name FROM ${quoted}.${LEDGER_TABLE} ORDER BY name COLLATE "C"`,
  );
  const applied = new Set(rows.map(({ name }) => name));
  const from = rows.at(-1)?.name ?? null;
  const pending = blueprint.migrations.filter(({ name }) => !applied.delete(name));
  if (applied.size > 0) {
    return {
      kind: "not-possible",
      reason: `holds migrations that this Tenantry doesn't know: ${[...applied].join(", ")}`,
    };
  }
  if (pending.length === 0) return { kind: "current", from };

  await client.query(`SET LOCAL search_path = ${quoted}; ${roleSettingScript(input.role)}`);
  const before = await readRelations(client, schema);
  let known = before;
  const migrations: RehearsedMigration[] = [];
  const locks = new Map<string, RehearsedLock>();
  const rewrites: (TableRewrite & { migration: string })[] = [];
  let failure: RehearsalFailure | null = null;
  const outside = new Map(
    blueprint.blueprint.migrations.map((each) => [each.name, each.outsideTransaction ?? []]),
  );
  const startedAt = performance.now();
  for (const { name, sql } of pending) {
    if (performance.now() - startedAt > input.totalTimeoutMs) {
      failure = { migration: name, sqlState: "57014", about: "the time for a rehearsal was over before it" };
      break;
    }
    await client.query("SAVEPOINT tenantry_rehearsal");
    const migrationAt = performance.now();
    try {
      await client.query(`${sql}${ledgerRowsScript([name], new Date())}SET CONSTRAINTS ALL IMMEDIATE;\n`);
    } catch (error) {
      const state = sqlState(error);
      if (state === undefined || /^(08|57P|53)/.test(state)) throw error;
      failure = { migration: name, sqlState: state, about: subjectOf(error) };
    }
    const milliseconds = performance.now() - migrationAt;
    if (failure !== null) {
      await client.query("ROLLBACK TO SAVEPOINT tenantry_rehearsal");
      break;
    }
    migrations.push({ name, milliseconds, outsideTransaction: outside.get(name) ?? [] });
    for (const lock of await readLocks(client, before)) {
      if (strength(lock.mode) > strength(locks.get(lock.relation)?.mode)) {
        locks.set(lock.relation, { ...lock, migration: name });
      }
    }
    const now = await readRelations(client, schema);
    rewrites.push(...rewrittenTables(known, now, before).map((rewrite) => ({ ...rewrite, migration: name })));
    known = now;
    await client.query(`SET LOCAL search_path = ${quoted}`);
  }
  const milliseconds = migrations.reduce((sum, each) => sum + each.milliseconds, 0);
  return { kind: "rehearsed", from, milliseconds, migrations, locks: [...locks.values()], rewrites, failure };
}

/** Whose schema is it, and is it there? In words that go on after "it". */
async function strangeness(client: PoolClient, { schema, tenantId }: RehearseInput): Promise<string | null> {
  const table = (name: string): string => quoteLiteral(`${quoteIdentifier(schema)}.${name}`);
  const { rows } = await client.query<{ marker: boolean; ledger: boolean }>(
    `SELECT pg_catalog.to_regclass(${table(MARKER_TABLE)}) IS NOT NULL AS marker, pg_catalog.to_regclass(${table(LEDGER_TABLE)}) IS NOT NULL AS ledger`,
  );
  if (rows[0]?.marker !== true || !rows[0].ledger) return "is gone, or has lost what says whose it is";
  const marker = await client.query<{ id: string }>(
    `SELECT tenant_id::text AS id FROM ${quoteIdentifier(schema)}.${MARKER_TABLE}`,
  );
  return marker.rows[0]?.id === tenantId ? null : "is another tenant's";
}

async function readRelations(
  client: PoolClient,
  schema: string,
): Promise<ReadonlyMap<string, RelationState>> {
  const { rows } = await client.query<RelationState>(relationsQuery(schema));
  return new Map(rows.map((row) => [row.oid, row]));
}

/** The modes in which a writer or a reader waits, the weakest first. */
const MODES = ["ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"];

function strength(mode: string | undefined): number {
  return mode === undefined ? -1 : MODES.indexOf(mode);
}

async function readLocks(
  client: PoolClient,
  before: ReadonlyMap<string, RelationState>,
): Promise<{ relation: string; mode: string }[]> {
  const { rows } = await client.query<{ oid: string; mode: string }>(
    `SELECT relation::text AS oid, mode FROM pg_catalog.pg_locks
     WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted
       AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())`,
  );
  return rows.flatMap(({ oid, mode }) => {
    const relation = before.get(oid);
    return relation === undefined || strength(mode) < 0 ? [] : [{ relation: relation.name, mode }];
  });
}

/** Names of the schema alone: PostgreSQL's sentence may hold a row's values. */
function subjectOf(error: unknown): string | null {
  const field = (name: string): string | null => {
    const value: unknown = Reflect.get(Object(error), name);
    return typeof value === "string" && value !== "" ? `${name} ${value}` : null;
  };
  const parts = ["table", "column", "constraint"].flatMap((name) => field(name) ?? []);
  return parts.length === 0 ? null : parts.join(", ");
}
