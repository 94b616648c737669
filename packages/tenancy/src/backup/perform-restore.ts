import { type ControlDatabase, endSessionsOf, type RestoreMode, readMarker } from "@tenantry/schema";
import { sql } from "kysely";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import type { OperationHandler, OperationWork, WorkResult } from "../operation-work.ts";
import { placementOf } from "../placement.ts";
import { settleLimits } from "../settle-limits.ts";
import { succeed } from "../succeed-operation.ts";
import { tenantGateway } from "../tenant-connection.ts";
import { ensureTenantRedis } from "../tenant-redis.ts";
import { nextTenantState } from "../tenant-state.ts";
import { backupError } from "./backup-error.ts";
import { acceptedBy } from "./copied-license.ts";
import { loadTenant } from "./load-tenant.ts";
import { forgetKept, keep } from "./replacement.ts";
import { keptName, loadRestore, type Restore } from "./restored-tenant.ts";

/** What a finished restore operation says. */
export interface RestoreResult {
  readonly backupId: string;
  readonly mode: RestoreMode;
  /** Of the license that it came back into. */
  readonly licenseKey: string;
  readonly schema: string;
  /** The moment that all its rows are of. ISO 8601, UTC. */
  readonly takenAt: string | null;
  /** The blueprint's, that it was brought up to. */
  readonly version: string;
  readonly rows: number;
  readonly tables: number;
  /** What it replaced; null for a copy, and where there was nothing. */
  readonly keptSchemaId: string | null;
}

/**
 * Brings a backup back. May run twice, at once, or after any crash: until the commit that puts the loaded schema in place
 * nothing has changed, and after it the schema's marker names this operation.
 */
export const restoreBackup: OperationHandler = async (ctx, work) => {
  const restore = await loadRestore(ctx, work.operation.id);
  const loaded = await loadTenant(ctx, work, restore);
  if (loaded !== "there") return { kind: loaded };
  const ended = await finish(ctx, work, restore);
  if (ended.kind === "succeeded") await settle(ctx, restore);
  return ended;
};

async function finish(ctx: TenancyContext, work: OperationWork, restore: Restore): Promise<WorkResult> {
  const { backup, mode, license, tenant, compiled, operationId } = restore;
  const { provisioning } = await placementOf(ctx, tenant);
  try {
    if (mode === "replace") await endRoleSessions(ctx, restore);
    const kept = await readMarker(provisioning, keptName(operationId));
    const result: RestoreResult = {
      backupId: backup.id,
      mode,
      licenseKey: license.key,
      schema: tenant.schema_name,
      takenAt: backup.taken_at?.toISOString() ?? null,
      version: compiled.version,
      rows: Number(backup.rows),
      tables: backup.tables ?? 0,
      keptSchemaId: kept.kind === "tenant" ? await keep(ctx, ctx.control, restore) : null,
    };
    const message = `${license.key} is as it was at ${result.takenAt}: ${result.rows} rows of ${result.tables} tables`;
    const last = { percent: 100, step: "restored", message, done: result.tables, total: result.tables };
    return await succeed(ctx, work, { last, result }, (transaction) =>
      conclude(transaction, restore, result),
    );
  } catch (error) {
    throw backupError(error, "RESTORE_FAILED");
  }
}

/** They would go on with the new rows as with the old ones; what they know of the old is no reason to fail any more. */
async function endRoleSessions(ctx: TenancyContext, { license, tenant }: Restore): Promise<void> {
  try {
    const { provisioning } = await placementOf(ctx, tenant);
    await endSessionsOf(provisioning, { role: tenant.role_name, gateway: tenantGateway(ctx, tenant) });
  } catch (error) {
    ctx.log.warn(
      { err: error, licenseKey: license.key },
      "a restored tenant's database sessions aren't ended",
    );
  }
}

async function conclude(
  transaction: ControlDatabase,
  restore: Restore,
  result: RestoreResult,
): Promise<void> {
  const { mode, tenant, license, operationId } = restore;
  const ready = nextTenantState(tenant.state, mode === "copy" ? "provisioned" : "restored");
  if (ready === undefined) throw new Error(`a tenant that is ${tenant.state} can't be restored`);
  const moved = await transaction
    .updateTable("tenants")
    .set({ state: ready, version: result.version, ready_at: sql<Date>`coalesce(ready_at, now())` })
    .where("id", "=", tenant.id)
    .where("state", "=", tenant.state)
    .executeTakeFirst();
  if (moved.numUpdatedRows === 0n) {
    throw new TenancyError("STATE_CONFLICT", "Something else was done with the tenant meanwhile.");
  }
  await transaction.deleteFrom("sessions").where("license_id", "=", license.id).execute();
  if (result.keptSchemaId === null) await forgetKept(transaction, operationId);
  await transaction
    .updateTable("licenses")
    .set({
      activated_at: sql<Date>`coalesce(activated_at, now())`,
      // A deletion had switched it off.
      ...(tenant.state === "deleted" ? { is_active: true } : {}),
    })
    .where("id", "=", license.id)
    .execute();
  await transaction
    .insertInto("license_events")
    .values({
      license_id: license.id,
      type: "restored",
      actor: acceptedBy(operationId),
      to: JSON.stringify({ backupId: result.backupId, mode, takenAt: result.takenAt }),
    })
    .execute();
}

/** The tenant is there whatever becomes of this; the doctor finds what differs, and mends it. */
async function settle(ctx: TenancyContext, { license, tenant }: Restore): Promise<void> {
  await Promise.all([settleLimits(ctx, null, tenant), ensureTenantRedis(ctx, tenant)]).catch(
    (error: unknown) => {
      ctx.log.error({ err: error, licenseKey: license.key }, "a restored tenant couldn't be settled");
    },
  );
}
