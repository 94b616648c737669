import { randomUUIDv7 } from "node:crypto";
import { type ControlDatabase, endSessionsOf } from "@tenantry/schema";
import { removeAttempts } from "../backup/abandoned.ts";
import { acceptedBy } from "../backup/copied-license.ts";
import { backupResult, recordBackup } from "../backup/record-backup.ts";
import { giveBackupUp } from "../backup/unmade-backups.ts";
import type { WrittenArchive } from "../backup/write-archive.ts";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import type { OperationHandler, OperationWork, WorkResult } from "../operation-work.ts";
import { settleLimits } from "../settle-limits.ts";
import { succeed } from "../succeed-operation.ts";
import { tenantGateway } from "../tenant-connection.ts";
import { copyTenant } from "./copy-tenant.ts";
import { moveError } from "./move-error.ts";
import { isClosed, leftName, loadMoving, type Moving } from "./moving.ts";

/** What a finished move-tenant operation says. */
export interface MoveTenantResult {
  readonly licenseKey: string;
  readonly schema: string;
  readonly from: string;
  readonly to: string;
  /** What was left on the old server, until `confirmMove`. */
  readonly leftBehind: string;
}

/**
 * Moves a tenant to another server. May run twice, at once, or after any crash: until the old schema is closed the tenant
 * lives where it was, and a copy that was left on the new server is thrown away; from then on it is only to be concluded.
 */
export const moveTenant: OperationHandler = async (ctx, work) => {
  const moving = await loadMoving(ctx, work.operation.id);
  try {
    if (await isClosed(moving)) return await conclude(ctx, work, moving, null);
    const copied = await copyTenant(ctx, work, moving);
    if (copied.kind !== "closed") {
      await removeAttempts(ctx, moving.backupId, work.claim.attempt + 1);
      return copied;
    }
    return await conclude(ctx, work, moving, copied.written);
  } catch (error) {
    // An answer that was lost, or an attempt that was taken for dead, may have closed it all the same.
    if (await isClosed(moving).catch(() => false)) return conclude(ctx, work, moving, null);
    await removeAttempts(ctx, moving.backupId, work.claim.attempt + 1);
    throw moveError(error, moving);
  }
};

/**
 * @param written the archive that it was copied through; null when the worker that wrote it died.
 */
async function conclude(
  ctx: TenancyContext,
  work: OperationWork,
  moving: Moving,
  written: WrittenArchive | null,
): Promise<WorkResult> {
  const { license, tenant, from, to, operationId } = moving;
  const result: MoveTenantResult = {
    licenseKey: license.key,
    schema: tenant.schema_name,
    from: from.name,
    to: to.name,
    leftBehind: leftName(operationId),
  };
  const message = `${license.key} lives on ${to.name} now; confirm it, and what is left on ${from.name} is dropped`;
  const last = { percent: 100, step: "moved", message, done: 0, total: 0 };
  const ended = await succeed(ctx, work, { last, result }, (transaction) =>
    switchOver(transaction, moving, written),
  );
  if (ended.kind !== "succeeded") return ended;
  await removeAttempts(ctx, moving.backupId, work.claim.attempt + 1);
  await settle(ctx, moving);
  return ended;
}

async function switchOver(
  transaction: ControlDatabase,
  { license, tenant, from, to, operationId, backupId }: Moving,
  written: WrittenArchive | null,
): Promise<void> {
  const switched = await transaction
    .updateTable("tenants")
    .set({ placement: to.name })
    .where("id", "=", tenant.id)
    .where("placement", "=", from.name)
    .where("state", "=", "ready")
    .executeTakeFirst();
  if (switched.numUpdatedRows === 0n) {
    throw new TenancyError("STATE_CONFLICT", "Something else was done with the tenant meanwhile.");
  }
  await transaction
    .insertInto("kept_schemas")
    .values({
      id: randomUUIDv7(),
      license_id: license.id,
      tenant_id: tenant.id,
      placement: from.name,
      schema_name: leftName(operationId),
      operation_id: operationId,
      reason: "move",
      drop_after: null,
    })
    .execute();
  await transaction
    .insertInto("license_events")
    .values({
      license_id: license.id,
      type: "moved",
      actor: acceptedBy(operationId),
      from: JSON.stringify({ placement: from.name }),
      to: JSON.stringify({ placement: to.name }),
    })
    .execute();
  if (written === null) return giveBackupUp(transaction, operationId);
  await recordBackup(transaction, backupResult(backupId, written), written, {
    id: tenant.id,
    schema: tenant.schema_name,
    role: tenant.role_name,
    blueprint: tenant.blueprint,
    version: tenant.version ?? "",
    placement: from.name,
  });
}

/** The tenant is there whatever becomes of this; the doctor finds what differs, and mends it. */
async function settle(ctx: TenancyContext, { license, tenant, from, to }: Moving): Promise<void> {
  const access = { role: tenant.role_name, gateway: tenantGateway(ctx, tenant) };
  await Promise.all([
    endSessionsOf(from.provisioning, access),
    // Somebody may have changed them while the tenant was on its way.
    settleLimits(ctx, null, { ...tenant, placement: to.name }),
  ]).catch((error: unknown) => {
    ctx.log.error({ err: error, licenseKey: license.key }, "a moved tenant couldn't be settled");
  });
}
