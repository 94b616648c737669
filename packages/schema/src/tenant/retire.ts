import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import { type Pool, type PoolClient, type Queryable, withClient } from "../pool.ts";
import { SQLSTATE, sqlState } from "../sqlstate.ts";
import { evictNameHolder, lockTenantName } from "./advisory-lock.ts";
import { readMarker } from "./marker.ts";

export interface RetireInput {
  readonly tenantId: string;
  readonly schema: string;
  readonly role: string;
  /** The name to put the schema aside under. */
  readonly retired: string;
}

export type Retirable =
  /** The tenant has its schema: there is something to be put aside. */
  | "in-use"
  /** An earlier attempt has put it aside. */
  | "retired-before"
  /** The tenant has no schema. */
  | "nothing-there"
  /** It has none, and `mayEnd` said no. */
  | "superseded";

/**
 * What is there of a tenant that is to go. Told with its name locked, so that nobody is just making it or putting it aside.
 *
 * @param mayEnd asked, once, when there is nothing: until then somebody else might still make it.
 * @throws the driver's error, `lock_not_available` when somebody holds the name for too long; he has been thrown out by then.
 */
export async function findRetirable(
  pool: Pool,
  { tenantId, schema, retired }: Omit<RetireInput, "role">,
  mayEnd: () => Promise<boolean>,
): Promise<Retirable> {
  return withClient(pool, async (client) => {
    const find = async (): Promise<Retirable> => {
      if (await isOurs(client, schema, tenantId)) return "in-use";
      if (await isOurs(client, retired, tenantId)) return "retired-before";
      return (await mayEnd()) ? "nothing-there" : "superseded";
    };
    await begin(client, schema);
    const found = await find();
    await client.query("ROLLBACK");
    return found;
  });
}

async function begin(client: PoolClient, schema: string): Promise<void> {
  await client.query("BEGIN");
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

/**
 * Puts a tenant's schema out of use, in the caller's transaction, which has locked its name and keeps writers out: until its
 * commit nothing has changed, and a rollback gives the tenant back. False, with nothing changed, when the schema isn't that
 * tenant's.
 *
 * @throws the driver's error.
 */
export async function retireSchema(client: PoolClient, input: RetireInput): Promise<boolean> {
  if (!(await isOurs(client, input.schema, input.tenantId))) return false;
  const schema = quoteIdentifier(input.schema);
  const role = quoteIdentifier(input.role);
  const found = await client.query(`SELECT FROM pg_roles WHERE rolname = ${quoteLiteral(input.role)}`);
  await client.query(
    `${found.rowCount === 0 ? "" : `REVOKE ALL ON SCHEMA ${schema} FROM ${role}; `}ALTER SCHEMA ${schema} RENAME TO ${quoteIdentifier(input.retired)}`,
  );
  return true;
}

async function isOurs(client: Queryable, schema: string, tenantId: string): Promise<boolean> {
  const owner = await readMarker(client, schema);
  return owner.kind === "tenant" && owner.tenantId === tenantId;
}
