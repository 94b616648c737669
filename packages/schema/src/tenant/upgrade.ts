import { LEDGER_TABLE, ledgerRowsScript } from "../blueprint/compile.ts";
import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import { type Pool, type PoolClient, withClient } from "../pool.ts";
import { isConnectionLoss, SQLSTATE, sqlState } from "../sqlstate.ts";
import { readMarker } from "./marker.ts";
import {
  checkScript,
  lockKey,
  transactionText,
  type UpgradedTenant,
  type UpgradeStep,
  upgradeSteps,
  versionCount,
} from "./upgrade-script.ts";

export interface UpgradeInput extends UpgradedTenant {
  /** What the registry takes the tenant to be at. */
  readonly from: string;
  readonly to: string;
}

export type UpgradeOutcome =
  /** Its ledger said `from`, and says `to` since the commit. */
  | { readonly kind: "upgraded"; readonly from: string }
  /** Its ledger said so before: nothing was changed. */
  | { readonly kind: "already-there"; readonly at: string }
  /** Its schema isn't there, or is another's. */
  | { readonly kind: "no-tenant" }
  /** Its ledger has migrations that this build doesn't know: it is older than what upgraded the tenant. */
  | { readonly kind: "newer"; readonly unknown: readonly string[] }
  /** Its ledger lacks a migration that comes before one that it has. */
  | { readonly kind: "gap"; readonly missing: readonly string[] }
  /** It is at `at` still, or came as far as that: a step that ends well stays. */
  | (Hindrance & { readonly at: string });

export type Hindrance =
  /** Somebody held a lock for too long. */
  | { readonly kind: "busy" }
  /** A statement failed. */
  | { readonly kind: "refused"; readonly error: unknown; readonly migrations: readonly string[] }
  /** A migration runs outside of transactions, which a transaction pooler can't carry. */
  | { readonly kind: "pooled"; readonly migrations: readonly string[] };

/** Does work on one connection, and closes it when the work throws. */
type Use = <T>(work: (client: PoolClient) => Promise<T>) => Promise<T>;

/** An index that is built beside the work waits for old transactions, and keeps nobody waiting meanwhile. Milliseconds. */
const OUTSIDE_LOCK_TIMEOUT_MS = 30_000;

/**
 * Brings one tenant to a later version: one round trip and one transaction, unless a migration has to run outside of one.
 * The tenant's own ledger decides where it begins; what it has already isn't done again. May run twice, at once, or after
 * any crash.
 *
 * @throws the driver's error when the connection is lost: the tenant is then at the old version or the new one, whole.
 */
export async function upgradeTenant(
  pool: Pool,
  input: UpgradeInput,
  use: Use = (work) => withClient(pool, work),
): Promise<UpgradeOutcome> {
  const { blueprint, to } = input;
  const target = versionCount(blueprint, to);
  let done = versionCount(blueprint, input.from);
  let first: number | undefined;
  // Whoever changes it between two looks is another upgrade: that one is waited for by coming again.
  for (let looks = 0; looks < 3; ) {
    const [step] = upgradeSteps(blueprint, done, to);
    const outcome =
      step === undefined ? await look(use, input, done) : await run(pool, use, input, done, step);
    if (outcome.kind === "other-ledger") {
      looks += 1;
      const found = readLedger(input, outcome.ledger);
      if (found.kind !== "known") return found;
      done = found.done;
      if (done >= target) return { kind: "already-there", at: nameOf(input, done) };
    } else if (outcome.kind === "done") {
      if (step === undefined) return { kind: "already-there", at: nameOf(input, done) };
      first ??= done;
      done += step.names.length;
      if (done >= target) return { kind: "upgraded", from: nameOf(input, first) };
    } else if (outcome.kind === "no-tenant") return outcome;
    else return { ...outcome, at: nameOf(input, done) };
  }
  return { kind: "busy", at: nameOf(input, done) };
}

type StepOutcome =
  | { readonly kind: "done" }
  | { readonly kind: "other-ledger"; readonly ledger: readonly string[] }
  | { readonly kind: "no-tenant" }
  | Hindrance;

function run(
  pool: Pool,
  use: Use,
  input: UpgradeInput,
  done: number,
  step: UpgradeStep,
): Promise<StepOutcome> {
  if (step.kind === "outside") return runOutside(pool, input, done, step);
  return use(async (client) => {
    try {
      await client.query(transactionText(input, done, step));
      return { kind: "done" };
    } catch (error) {
      if (isConnectionLoss(error) || sqlState(error) === undefined) throw error;
      await client.query("ROLLBACK");
      return judge(client, input, done, step.names, error);
    }
  });
}

/** Only asks the ledger: for a tenant that the registry takes to be there already. */
function look(use: Use, input: UpgradeInput, done: number): Promise<StepOutcome> {
  return use(async (client) => (await differs(client, input, done)) ?? { kind: "done" });
}

/** What the error means: the check's, for what the tenant is, or a statement's own. */
async function judge(
  client: PoolClient,
  input: UpgradeInput,
  done: number,
  migrations: readonly string[],
  error: unknown,
): Promise<StepOutcome> {
  const state = sqlState(error);
  if (state === SQLSTATE.lockNotAvailable || state === SQLSTATE.deadlockDetected) return { kind: "busy" };
  return (await differs(client, input, done)) ?? { kind: "refused", error, migrations };
}

/** How a tenant isn't what it was taken for; null when it is. */
async function differs(
  client: PoolClient,
  { schema, tenantId, blueprint }: UpgradeInput,
  done: number,
): Promise<Extract<StepOutcome, { kind: "no-tenant" | "other-ledger" }> | null> {
  const owner = await readMarker(client, schema);
  if (owner.kind !== "tenant" || owner.tenantId !== tenantId) return { kind: "no-tenant" };
  const path = `${quoteIdentifier(schema)}.${LEDGER_TABLE}`;
  const found = await client.query<{ there: boolean }>(
    `SELECT to_regclass(${quoteLiteral(path)}) IS NOT NULL AS there`,
  );
  if (found.rows[0]?.there !== true) return { kind: "no-tenant" };
  const { rows } = await client.query<{ name: string }>(`SELECT name FROM ${path}`);
  const ledger = rows.map(({ name }) => name);
  const expected = blueprint.migrations.slice(0, done).map(({ name }) => name);
  const same = ledger.length === done && expected.every((name) => ledger.includes(name));
  return same ? null : { kind: "other-ledger", ledger };
}

type Ledger =
  | { readonly kind: "known"; readonly done: number }
  | Extract<UpgradeOutcome, { kind: "newer" | "gap" }>;

function readLedger({ blueprint: { migrations } }: UpgradeInput, ledger: readonly string[]): Ledger {
  const applied = new Set(ledger);
  const unknown = ledger.filter((name) => !migrations.some((migration) => migration.name === name));
  if (unknown.length > 0) return { kind: "newer", unknown };
  const missing = migrations.slice(0, applied.size).filter(({ name }) => !applied.has(name));
  if (missing.length > 0) return { kind: "gap", missing: missing.map(({ name }) => name) };
  return { kind: "known", done: applied.size };
}

function nameOf({ blueprint }: UpgradeInput, done: number): string {
  return blueprint.migrations[done - 1]?.name ?? "";
}

/**
 * Each statement by itself, in the tenant's schema, the name locked by the session. A crash leaves statements done and the
 * ledger as it was; they may all be done again, and an index that was left half-built is dropped first.
 */
async function runOutside(
  pool: Pool,
  input: UpgradeInput,
  done: number,
  { names, statements }: Extract<UpgradeStep, { kind: "outside" }>,
): Promise<StepOutcome> {
  // Its connections are told no settings of their own: see `PoolOptions.pooled`.
  if (pool.options.options === undefined) return { kind: "pooled", migrations: names };
  return withClient(
    pool,
    async (client) => {
      try {
        const path = quoteIdentifier(input.schema);
        await client.query(
          `SET search_path = ${path}; SET lock_timeout = ${OUTSIDE_LOCK_TIMEOUT_MS}; SET statement_timeout = 0`,
        );
        await client.query(`SELECT pg_advisory_lock(${lockKey(input.schema)})`);
        await client.query(checkScript(input, done));
        for (const statement of statements) {
          await dropHalfBuilt(client, input.schema, statement);
          await client.query(statement);
        }
        await client.query(ledgerRowsScript(names, new Date()));
        return { kind: "done" } as const;
      } catch (error) {
        if (isConnectionLoss(error) || sqlState(error) === undefined) throw error;
        return await judge(client, input, done, names, error);
      }
    },
    { reuse: false },
  );
}

const CREATES_INDEX =
  /^create\s+(?:unique\s+)?index\s+concurrently\s+if\s+not\s+exists\s+("(?:[^"]|"")+"|[^\s("]+)/i;

async function dropHalfBuilt(client: PoolClient, schema: string, statement: string): Promise<void> {
  const index = CREATES_INDEX.exec(statement)?.[1];
  if (index === undefined) return;
  const name = `${quoteIdentifier(schema)}.${index}`;
  const { rows } = await client.query(
    `SELECT FROM pg_index WHERE indexrelid = to_regclass(${quoteLiteral(name)}) AND NOT indisvalid`,
  );
  if (rows.length > 0) await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
}
