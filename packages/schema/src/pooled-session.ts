import type { Queryable } from "./pool.ts";

/**
 * What PgBouncer's `connect_query` has to say for each connection to the server, because a client can't say it through a
 * transaction pooler: what `createPool` asks for otherwise, with the longest of its timeouts.
 */
export const POOLED_SESSION_SETTINGS =
  "SET jit=off; SET search_path=pg_catalog; SET statement_timeout=120000; SET lock_timeout=10000; SET idle_in_transaction_session_timeout=15000";

/** What a pooler's connection lacks of these settings, in words; empty when it is as it should be. */
export async function pooledSessionFaults(client: Queryable): Promise<string[]> {
  const { rows } = await client.query<{ fault: string }>(
    `SELECT 'search_path is ' || current_setting('search_path') AS fault
     WHERE array_remove(current_schemas(false), 'pg_catalog') <> '{}'
     UNION ALL SELECT 'jit is on' WHERE current_setting('jit')::boolean
     UNION ALL SELECT name || ' is 0' FROM pg_settings
     WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout') AND setting = '0'`,
  );
  return rows.map(({ fault }) => fault);
}
