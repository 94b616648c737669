import { quoteLiteral } from "../identifier.ts";
import { type Pool, type PoolClient, withClient } from "../pool.ts";
import { SQLSTATE, sqlState } from "../sqlstate.ts";
import { ADVISORY_LOCK_SPACE, evictNameHolder } from "../tenant/advisory-lock.ts";

/** `shared`: the schema keeps its name and is nobody's to drop. `exclusive`: nobody else works on it at all. */
export type NameLockMode = "shared" | "exclusive";

/** Takes the lock on a schema's name if it is free now; held until the transaction ends. */
export async function tryNameLock(client: PoolClient, schema: string, mode: NameLockMode): Promise<boolean> {
  const { rows } = await client.query<{ free: boolean }>(
    `SELECT pg_try_advisory_xact_lock${mode === "shared" ? "_shared" : ""}(${key(schema)}) AS free`,
  );
  return rows[0]?.free === true;
}

/**
 * Waits until the lock could be had, in a transaction of its own: one that waits inside its snapshot would go on with what
 * was there before.
 *
 * @throws the driver's error, `lock_not_available` when it takes too long; who wants the lock alone has ended whoever held
 * it by then: its claim says that nobody else may work on this tenant.
 */
export async function awaitNameLock(pool: Pool, schema: string, mode: NameLockMode): Promise<void> {
  await withClient(pool, async (client) => {
    await client.query("BEGIN");
    try {
      await client.query(`SELECT pg_advisory_xact_lock${mode === "shared" ? "_shared" : ""}(${key(schema)})`);
    } catch (error) {
      await client.query("ROLLBACK");
      if (mode === "exclusive" && sqlState(error) === SQLSTATE.lockNotAvailable) {
        await evictNameHolder(client, schema);
      }
      throw error;
    }
    await client.query("COMMIT");
  });
}

function key(schema: string): string {
  return `${ADVISORY_LOCK_SPACE.tenantSchema}, hashtext(${quoteLiteral(schema)})`;
}
