import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import { type Pool, type PoolClient, type Queryable, withClient } from "../pool.ts";
import { SQLSTATE, sqlState } from "../sqlstate.ts";
import { evictNameHolder, lockTenantName } from "./advisory-lock.ts";
import { qualified, relationsOf } from "./contents.ts";
import { type DumpInput, dumpTenant, type TenantDump } from "./dump.ts";
import { readMarker } from "./marker.ts";

export interface RetireInput extends DumpInput {
  readonly tenantId: string;
  readonly role: string;
  /** The name to put the schema aside under. */
  readonly retired: string;
  /** Takes the dump to where it is kept. Nobody writes to the tenant meanwhile. */
  readonly keep: (dump: TenantDump) => Promise<void>;
  /** Asked once, with everything done but the commit. A `false` rolls back. */
  readonly mayRetire: () => Promise<boolean>;
}

export type RetireOutcome =
  /** The schema has gone out of use now, with all its rows as they are in the dump. */
  | { readonly kind: "retired" }
  /** An earlier attempt had done it. */
  | { readonly kind: "retired-before" }
  /** The tenant has no schema. */
  | { readonly kind: "nothing-there" }
  /** `mayRetire` said no; nothing was changed. */
  | { readonly kind: "superseded" };

/**
 * Takes a tenant's last dump and puts its schema out of use, in one transaction that keeps writers out from the first row
 * of the dump to the commit: nothing that a customer's application was told is saved is missing from the dump. Until the
 * commit nothing has changed, and a rollback gives the tenant back.
 *
 * @throws UnknownMigrationsError, what `keep` throws, the driver's error.
 */
export async function retireTenant(pool: Pool, input: RetireInput): Promise<RetireOutcome> {
  return withClient(pool, async (client) => {
    await begin(client, input.schema);
    const outcome = await retire(client, input);
    await client.query(outcome.kind === "retired" ? "COMMIT" : "ROLLBACK");
    return outcome;
  });
}

async function begin(client: PoolClient, schema: string): Promise<void> {
  // A dump takes as long as it takes. Whoever takes over from a worker that died in the middle evicts its connection.
  await client.query(
    "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0",
  );
  try {
    await lockTenantName(client, schema);
  } catch (error) {
    // The caller's claim says that nobody else may work on this tenant: who still does was taken for dead.
    if (sqlState(error) === SQLSTATE.lockNotAvailable) {
      await client.query("ROLLBACK");
      await evictNameHolder(client, schema);
    }
    throw error;
  }
}

async function retire(client: PoolClient, input: RetireInput): Promise<RetireOutcome> {
  if (!(await isOurs(client, input.schema, input.tenantId))) {
    const before = await isOurs(client, input.retired, input.tenantId);
    if (before || (await input.mayRetire())) return { kind: before ? "retired-before" : "nothing-there" };
    return { kind: "superseded" };
  }
  await lockOutWriters(client, input.schema);
  await input.keep(await dumpTenant(client, input));
  const schema = quoteIdentifier(input.schema);
  const role = quoteIdentifier(input.role);
  const found = await client.query(`SELECT FROM pg_roles WHERE rolname = ${quoteLiteral(input.role)}`);
  await client.query(
    `${found.rowCount === 0 ? "" : `REVOKE ALL ON SCHEMA ${schema} FROM ${role}; `}ALTER SCHEMA ${schema} RENAME TO ${quoteIdentifier(input.retired)}`,
  );
  return { kind: (await input.mayRetire()) ? "retired" : "superseded" };
}

async function isOurs(client: Queryable, schema: string, tenantId: string): Promise<boolean> {
  const owner = await readMarker(client, schema);
  return owner.kind === "tenant" && owner.tenantId === tenantId;
}

/** Waits for transactions that have written, keeps others from it; readers go on. One lock for each table. */
async function lockOutWriters(client: Queryable, schema: string): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM ${relationsOf(schema)} AS relation WHERE relkind IN ('r', 'p') ORDER BY relname`,
  );
  const names = rows.map(({ name }) => name);
  if (names.length > 0) await client.query(`LOCK TABLE ${qualified(schema, names)} IN SHARE MODE`);
}
