import { Kysely } from "kysely";
import { quoteIdentifier } from "../identifier.ts";
import type { PoolClient } from "../pool.ts";
import { Door, doorDialect } from "./door.ts";

export interface TenantScope {
  readonly schema: string;
  /** The role to become; null when the session logged in as it. */
  readonly role: string | null;
}

/**
 * What `work` may have left on the session is taken back in the same message, before anybody else gets the connection.
 * It is DISCARD ALL spelled out, which can't be sent in one message with COMMIT.
 */
const CLOSE = [
  "COMMIT",
  "RESET ROLE",
  "RESET ALL",
  "CLOSE ALL",
  "UNLISTEN *",
  "DEALLOCATE ALL",
  "DISCARD TEMP",
  "DISCARD SEQUENCES",
].join("; ");
/** The only part that has to be planned and executed: half of what all of it costs, so it waits for a reason. */
const UNLOCK = "; SELECT pg_advisory_unlock_all()";

/**
 * Runs `work` in one transaction as the tenant's role, with the tenant's schema as the only one on the path.
 *
 * Role and path are set with `SET LOCAL` in the same message as BEGIN: no round trip more than a plain transaction, and
 * nothing outlives COMMIT or ROLLBACK, so a transaction pooler may stand between. A failure rolls back and rethrows.
 * `pg_temp` is named, and last, because otherwise PostgreSQL looks there first: a temporary table could then pass for
 * one of the tenant's.
 *
 * @param client a connection that is closed, not used again, when this throws
 */
export async function tenantTransaction<DB, T>(
  client: PoolClient,
  scope: TenantScope,
  work: (db: Kysely<DB>) => Promise<T>,
): Promise<T> {
  const role = scope.role === null ? "" : `SET LOCAL ROLE ${quoteIdentifier(scope.role)}; `;
  await client.query(`BEGIN; ${role}SET LOCAL search_path = ${quoteIdentifier(scope.schema)}, pg_temp`);
  const door = new Door(client);
  try {
    const result = await work(new Kysely<DB>({ dialect: doorDialect(door) }));
    await door.close();
    const ends = await client.query(door.mayHoldLocks ? CLOSE + UNLOCK : CLOSE);
    // PostgreSQL answers COMMIT of a failed transaction with ROLLBACK: an error inside was swallowed by `work`.
    const [end] = ends as unknown as { command: string }[];
    if (end?.command === "ROLLBACK") {
      throw new Error("the transaction had failed before its end and was rolled back");
    }
    return result;
  } finally {
    door.shut();
  }
}
