import type { ControlDatabase, OperationKind } from "@tenantry/schema";
import { sql } from "kysely";
import { TenancyError } from "./errors.ts";

/** What only reads a tenant, or one of its backups: whatever else is done with it doesn't wait for these. */
export const READERS: readonly OperationKind[] = ["backup", "verify-backup"];

/**
 * Makes sure that nothing else is being done with a license's tenant, in the caller's transaction, which holds the tenant's
 * row.
 *
 * @param operationId the operation that asks; it may be there already.
 * @throws TenancyError STATE_CONFLICT, with a hint.
 */
export async function assertNothingElse(
  transaction: ControlDatabase,
  licenseId: string,
  operationId: string,
): Promise<void> {
  const other = await transaction
    .selectFrom("operations")
    .select(["id", "kind", "state"])
    .where("license_id", "=", licenseId)
    .where("state", "in", ["queued", "running"])
    .where("kind", "not in", READERS)
    .where("id", "!=", operationId)
    .executeTakeFirst();
  if (other === undefined) return assertNotHalfMoved(transaction, licenseId, operationId);
  throw new TenancyError("STATE_CONFLICT", `Operation ${other.id} (${other.kind}) is ${other.state}.`, {
    hint: `Wait for its end, or cancel it first: \`tenantry operation cancel ${other.id}\`.`,
  });
}

/**
 * A move that failed after it had closed the tenant's old schema has to be finished first: until then nobody finds the tenant.
 *
 * @param operationId the operation that asks; null for one that isn't a move.
 * @throws TenancyError STATE_CONFLICT, with a hint.
 */
export async function assertNotHalfMoved(
  control: ControlDatabase,
  licenseId: string,
  operationId: string | null,
): Promise<void> {
  const move = await control
    .selectFrom("moves")
    .innerJoin("operations", "operations.id", "moves.operation_id")
    .innerJoin("tenants", "tenants.id", "moves.tenant_id")
    .select("moves.operation_id")
    .where("moves.license_id", "=", licenseId)
    .where(sql<boolean>`moves.operation_id is distinct from ${operationId}::uuid`)
    .where("moves.closed_at", "is not", null)
    .where("operations.state", "=", "failed")
    .whereRef("tenants.placement", "=", "moves.from")
    .executeTakeFirst();
  if (move === undefined) return;
  throw new TenancyError(
    "STATE_CONFLICT",
    "The tenant is between two servers: a move failed at its very end.",
    {
      hint: `Finish it first: \`tenantry operation retry ${move.operation_id}\`.`,
    },
  );
}
