import { quoteLiteral } from "../identifier.ts";
import type { Queryable } from "../pool.ts";

/** Spaces for two-key advisory locks, so that ours never meet an application's. The first key names what is locked. */
export const ADVISORY_LOCK_SPACE = {
  controlMigration: 0x74_6e_00_01,
  tenantSchema: 0x74_6e_00_02,
  gateway: 0x74_6e_00_03,
  spares: 0x74_6e_00_04,
} as const;

/** Waits until nobody else makes or takes away the schema of that name; held until the transaction ends. */
export async function lockTenantName(client: Queryable, schema: string): Promise<void> {
  await client.query(
    `SELECT pg_advisory_xact_lock(${ADVISORY_LOCK_SPACE.tenantSchema}, hashtext(${quoteLiteral(schema)}))`,
  );
}

/** Ends the connection that holds the lock on a name: its transaction is rolled back. */
export async function evictNameHolder(client: Queryable, schema: string): Promise<void> {
  await client.query(`
    SELECT pg_terminate_backend(pid) FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 2
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND classid::bigint = ${ADVISORY_LOCK_SPACE.tenantSchema}
      AND objid::bigint = (hashtext(${quoteLiteral(schema)})::bigint & 4294967295)`);
}
