import type { PoolClient } from "../pool.ts";
import { SQLSTATE, sqlState } from "../sqlstate.ts";
import { qualified } from "../tenant/contents.ts";

/** Of being chosen as the one who ends a deadlock with a writer. */
const MAX_TRIES = 10;

/**
 * Keeps writers out of these tables until the transaction ends: those that have written are waited for, readers go on. All
 * tables or none at a time: a writer that waits for one that we have may have the one that we wait for. Takes no snapshot.
 *
 * @throws the driver's error, `lock_not_available` when a writer doesn't end.
 */
export async function lockOutWriters(
  client: PoolClient,
  schema: string,
  tables: readonly string[],
): Promise<void> {
  if (tables.length === 0) return;
  for (let tries = 1; ; tries += 1) {
    await client.query("SAVEPOINT writers");
    try {
      await client.query(`LOCK TABLE ${qualified(schema, tables)} IN SHARE MODE`);
      await client.query("RELEASE SAVEPOINT writers");
      return;
    } catch (error) {
      if (tries === MAX_TRIES || sqlState(error) !== SQLSTATE.deadlockDetected) throw error;
      await client.query("ROLLBACK TO SAVEPOINT writers; RELEASE SAVEPOINT writers");
    }
  }
}
