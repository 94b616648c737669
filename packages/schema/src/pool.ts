import pg from "pg";

/** One physical connection, checked out of a pool. */
export type PoolClient = pg.PoolClient;
export type Pool = pg.Pool;
export type QueryConfig = pg.QueryConfig;
export type QueryResult<R extends pg.QueryResultRow> = pg.QueryResult<R>;
/** Anything that runs SQL text: a pool or one connection of it. */
export type Queryable = Pick<pg.ClientBase, "query">;

export interface PoolOptions {
  readonly connectionString: string;
  /** Shown in `pg_stat_activity`, so that ops see who is connected. */
  readonly applicationName: string;
  readonly max: number;
  /** Renew a connection after this many uses: one that provisions or serves many tenants ages (see docs/adr/0006). */
  readonly maxUses?: number;
  /** Milliseconds. */
  readonly statementTimeout: number;
  /** Milliseconds. */
  readonly lockTimeout: number;
  /** Milliseconds. */
  readonly idleInTransactionTimeout: number;
  /** Leads to a pooler, which knows no settings of a single client's: see `pooledSessionFaults`. */
  readonly pooled?: boolean;
  /** Called when an idle connection is lost; the pool replaces it by itself. */
  readonly onConnectionLost: (error: Error) => void;
}

/** How long to wait for a connection before PostgreSQL counts as away, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Opens a pool. Nothing connects until the first query.
 *
 * `search_path` is empty from the start, so that a statement outside `withTenant` that forgets to name its schema
 * fails, rather than find a table in `public`. JIT is off: it costs more than it saves on queries of milliseconds.
 */
export function createPool(options: PoolOptions): Pool {
  const pool = new pg.Pool({
    connectionString: options.connectionString,
    application_name: options.applicationName,
    max: options.max,
    ...(options.maxUses === undefined ? {} : { maxUses: options.maxUses }),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    ...(options.pooled === true ? {} : { options: sessionOptions(options) }),
  });
  pool.on("error", options.onConnectionLost);
  // A connection that is lost while somebody has it says so as an event too, and an event that nobody hears ends the
  // process. The query under way, or the next one, rejects with the same error: there is nothing more to do.
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
}

function sessionOptions(options: PoolOptions): string {
  return [
    "-c jit=off",
    "-c search_path=",
    `-c statement_timeout=${options.statementTimeout}`,
    `-c lock_timeout=${options.lockTimeout}`,
    `-c idle_in_transaction_session_timeout=${options.idleInTransactionTimeout}`,
  ].join(" ");
}

/**
 * Runs `work` on one connection; a connection that failed in a way that leaves it unusable is thrown away, as is any with
 * `reuse: false`.
 */
export async function withClient<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
  { reuse = true }: { readonly reuse?: boolean } = {},
): Promise<T> {
  const client = await pool.connect();
  let failed = true;
  try {
    const result = await work(client);
    failed = false;
    return result;
  } finally {
    // After any failure the transaction's state is unknown: closing the connection ends it on the server for certain.
    client.release(failed || !reuse);
  }
}
