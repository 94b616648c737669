import { randomUUIDv7 } from "node:crypto";
import type { ControlDatabase } from "@tenantry/schema";
import { sql } from "kysely";
import { underClaim } from "../claim.ts";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import type { OperationWork } from "../operation-work.ts";
import { keptName, type Restore } from "./restored-tenant.ts";

/**
 * Notes, right before the placement's commit, that the tenant's schema is about to be replaced: what is put aside must be
 * found again whoever dies, and nobody's session may outlive the users that it was begun with. False when the claim is lost
 * or somebody called it off.
 */
export async function recordReplacement(
  ctx: TenancyContext,
  work: OperationWork,
  restore: Restore,
): Promise<boolean> {
  return ctx.control.transaction().execute(async (transaction) => {
    const held = await underClaim({ ...ctx, control: transaction }, work.claim)
      .set({ heartbeat_at: sql<Date>`now()` })
      .where("cancel_requested_at", "is", null)
      .executeTakeFirst();
    if (held.numUpdatedRows === 0n) return false;
    await transaction.deleteFrom("sessions").where("license_id", "=", restore.license.id).execute();
    // Also where there is nothing to put aside: from here on it can't be called off.
    if (restore.mode === "replace") await keep(ctx, transaction, restore);
    return true;
  });
}

/** The time that it is kept for begins anew: when it is noted, and when the restore is done. */
export async function keep(
  ctx: TenancyContext,
  transaction: ControlDatabase,
  { operationId, license, tenant }: Restore,
): Promise<string> {
  const time = {
    kept_at: sql<Date>`now()`,
    drop_after: sql<Date>`now() + ${ctx.backups.restoreKeepMs} * interval '1 millisecond'`,
  };
  const { id } = await transaction
    .insertInto("kept_schemas")
    .values({
      id: randomUUIDv7(),
      license_id: license.id,
      tenant_id: tenant.id,
      placement: tenant.placement,
      schema_name: keptName(operationId),
      operation_id: operationId,
      reason: "restore",
      ...time,
    })
    .onConflict((again) => again.columns(["placement", "schema_name"]).doUpdateSet(time))
    .returning("id")
    .executeTakeFirstOrThrow();
  return id;
}

/** There was nothing to put aside. */
export async function forgetKept(transaction: ControlDatabase, operationId: string): Promise<void> {
  await transaction
    .deleteFrom("kept_schemas")
    .where("operation_id", "=", operationId)
    .where("reason", "=", "restore")
    .execute();
}

/**
 * @throws TenancyError STATE_CONFLICT when a restore can't be called off any more.
 */
export async function assertNotReplacing(transaction: ControlDatabase, operationId: string): Promise<void> {
  const kept = await transaction
    .selectFrom("kept_schemas")
    .select("id")
    .where("operation_id", "=", operationId)
    .where("reason", "=", "restore")
    .executeTakeFirst();
  if (kept === undefined) return;
  throw new TenancyError(
    "STATE_CONFLICT",
    "The backup is in place, or about to be; that can't be called off.",
    {
      hint: "What it replaces is kept: see `tenantry backup kept list` when the restore has ended.",
    },
  );
}
