import { type Pool, withClient } from "../pool.ts";
import { lockTenantName } from "./advisory-lock.ts";
import { readMarker, type SchemaOwner } from "./marker.ts";

/**
 * Whose schema is it, when nobody works on it any more: whoever holds its name is waited for.
 *
 * @throws the driver's error, `lock_not_available` when that takes too long.
 */
export function settledOwner(pool: Pool, schema: string): Promise<SchemaOwner> {
  return withClient(pool, async (client) => {
    await client.query("BEGIN");
    await lockTenantName(client, schema);
    const owner = await readMarker(client, schema);
    await client.query("ROLLBACK");
    return owner;
  });
}
