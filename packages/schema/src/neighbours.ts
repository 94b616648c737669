import type { Queryable } from "./pool.ts";

/**
 * How many connections of others there are to this database: applications at work in their tenants, through a gateway's
 * login or a tenant's own. What another login is doing PostgreSQL doesn't tell us, only that it is there.
 */
export async function countNeighbours(client: Queryable): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_stat_activity
     WHERE datname = current_database() AND usename <> session_user`,
  );
  return rows[0]?.count ?? 0;
}
