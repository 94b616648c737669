import { quoteIdentifier } from "../identifier.ts";
import { type Pool, type PoolClient, withClient } from "../pool.ts";
import { lockTenantName } from "../tenant/advisory-lock.ts";
import { nextStatement } from "../tenant/drop.ts";
import { readMarker } from "../tenant/marker.ts";

export interface DropKeptInput {
  /** The name that the schema is kept under. */
  readonly keptAs: string;
  readonly tenantId: string;
  /** Asked in each transaction before it commits; a `false` rolls it back and ends the work. */
  readonly mayProceed: () => Promise<boolean>;
  /** Told after each commit: tables that are left. */
  readonly onProgress: (left: number) => void;
}

/**
 * Drops a schema that a restore or a move has put aside, in slices, as `dropRetired` does; the tenant's role stays. Goes on
 * wherever an earlier attempt was broken off, and does nothing where the schema isn't there or isn't the tenant's. False
 * when `mayProceed` said no.
 *
 * @throws the driver's error.
 */
export async function dropKeptSchema(pool: Pool, input: DropKeptInput): Promise<boolean> {
  for (;;) {
    const slice = await withClient(pool, (client) => dropSlice(client, input));
    if (slice === "superseded") return false;
    if (slice === "done") return true;
    input.onProgress(slice.left);
  }
}

async function dropSlice(
  client: PoolClient,
  { keptAs, tenantId, mayProceed }: DropKeptInput,
): Promise<{ readonly left: number } | "superseded" | "done"> {
  await client.query("BEGIN");
  await lockTenantName(client, keptAs);
  const owner = await readMarker(client, keptAs);
  if (owner.kind !== "tenant" || owner.tenantId !== tenantId) {
    await client.query("ROLLBACK");
    return "done";
  }
  const { statement, left } = await nextStatement(client, keptAs);
  await client.query(statement ?? `DROP SCHEMA ${quoteIdentifier(keptAs)} CASCADE`);
  if (!(await mayProceed())) {
    await client.query("ROLLBACK");
    return "superseded";
  }
  await client.query("COMMIT");
  return statement === null ? "done" : { left };
}
