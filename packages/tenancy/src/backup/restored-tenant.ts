import type { CompiledBlueprint, Pool, RestoreMode } from "@tenantry/schema";
import { readMarker } from "@tenantry/schema";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import type { LicenseRow, TenantRow } from "../license-view.ts";
import type { BackupRow } from "./backup-view.ts";
import { backupRow } from "./list-backups.ts";
import { assertReplaceable } from "./restore-target.ts";

/** What a restore operation is about. */
export interface Restore {
  readonly operationId: string;
  readonly mode: RestoreMode;
  /** It may have been removed since it was put in place. */
  readonly backup: BackupRow;
  /** That it comes back into. */
  readonly license: LicenseRow;
  readonly tenant: TenantRow;
  readonly compiled: CompiledBlueprint;
}

/**
 * @throws TenancyError when it can't be done, or not any more: STATE_CONFLICT, TENANT_NOT_READY, BLUEPRINT_UNKNOWN.
 */
export async function loadRestore(ctx: TenancyContext, operationId: string): Promise<Restore> {
  const { backup_id, mode, license_id, tenant_id } = await ctx.control
    .selectFrom("restores")
    .selectAll()
    .where("operation_id", "=", operationId)
    .executeTakeFirstOrThrow();
  const [license, tenant] = await Promise.all([
    ctx.control.selectFrom("licenses").selectAll().where("id", "=", license_id).executeTakeFirstOrThrow(),
    ctx.control.selectFrom("tenants").selectAll().where("id", "=", tenant_id).executeTakeFirstOrThrow(),
  ]);
  if (mode === "replace") assertReplaceable(tenant.state);
  else if (tenant.state !== "provisioning") {
    throw new TenancyError("STATE_CONFLICT", `The copy's tenant is ${tenant.state}; it isn't made again.`);
  }
  const compiled = ctx.blueprints.get(tenant.blueprint);
  if (compiled === undefined) {
    throw new TenancyError("BLUEPRINT_UNKNOWN", `There is no blueprint ${tenant.blueprint} in this worker.`);
  }
  return { operationId, mode, backup: await backupRow(ctx, backup_id), license, tenant, compiled };
}

/** Has an attempt at this very restore committed the tenant's schema? Its marker says so. */
export async function isRestored(
  pool: Pool,
  { tenant, operationId }: Pick<Restore, "tenant" | "operationId">,
): Promise<boolean> {
  const owner = await readMarker(pool, tenant.schema_name);
  return owner.kind === "tenant" && owner.tenantId === tenant.id && owner.operationId === operationId;
}

/** What a restore loads into, before it takes the place of the tenant's own schema. */
export function loadingName({ mode, tenant, operationId }: Restore): string {
  return mode === "copy" ? tenant.schema_name : `restoring_${operationId.replaceAll("-", "")}`;
}

/** What the schema that was replaced is called from then on. */
export function keptName(operationId: string): string {
  return `before_restore_${operationId.replaceAll("-", "")}`;
}
