import { LIMITS_TABLE, type LimitedTable } from "../blueprint/limits.ts";
import { quoteLiteral } from "../identifier.ts";
import type { Queryable } from "../pool.ts";
import type { LimitNumbers } from "../tenant/limits.ts";
import { MARKER_TABLE } from "../tenant/marker.ts";
import { SnapshotMismatchError } from "./errors.ts";

export interface AdoptInput {
  /** The tenant that the snapshot was taken of. */
  readonly from: string;
  /** The tenant that it is from now on: the same, or a copy's. */
  readonly tenantId: string;
  readonly operationId: string;
  readonly licenseKey: string;
  readonly limited: readonly LimitedTable[];
  /** As the license says now; what was too many when the snapshot was taken stays, and nothing is added to it. */
  readonly limits: LimitNumbers;
}

/**
 * Makes what was loaded a tenant's: its marker and its limits. In the transaction that loaded it, after the migrations, with
 * the schema alone on the path.
 *
 * @throws SnapshotMismatchError when its marker says that it is of another tenant; the driver's error.
 */
export async function adoptLoaded(client: Queryable, input: AdoptInput): Promise<void> {
  const marked = await client.query<{ tenant_id: string }>(
    `SELECT tenant_id FROM ${MARKER_TABLE} FOR UPDATE`,
  );
  const found = marked.rows.map((row) => row.tenant_id).join(", ");
  if (found !== input.from) throw new SnapshotMismatchError("the tenant's marker", input.from, found);
  await client.query(
    `UPDATE ${MARKER_TABLE} SET tenant_id = ${quoteLiteral(input.tenantId)}, operation_id = ${quoteLiteral(input.operationId)},
       license_key = ${quoteLiteral(input.licenseKey)}`,
  );
  const numbers = input.limited.flatMap(({ limit }) => {
    const maximum = input.limits[limit];
    return maximum === undefined ? [] : [`(${quoteLiteral(limit)}, ${quoteLiteral(maximum)})`];
  });
  if (numbers.length === 0) return;
  await client.query(
    `INSERT INTO ${LIMITS_TABLE} (name, maximum) VALUES ${numbers.join(", ")}
     ON CONFLICT (name) DO UPDATE SET maximum = excluded.maximum`,
  );
}
