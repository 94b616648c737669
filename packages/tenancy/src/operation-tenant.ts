import type { ControlDatabase, OperationKind } from "@tenantry/schema";
import { giveRestoreUp, takeRestoreUp } from "./backup/restore-undo.ts";
import { giveBackupUp, takeBackupUp } from "./backup/unmade-backups.ts";
import { resumeDeletion, undoDeletion } from "./deletion.ts";
import { TenancyError } from "./errors.ts";
import { forgetPause } from "./fleet/pause-run.ts";
import type { LabelledOperationRow } from "./operation-view.ts";
import { takeMoveUp } from "./placement/moving.ts";
import { nextTenantState } from "./tenant-state.ts";

type TenantOperation = Pick<LabelledOperationRow, "id" | "kind" | "license_id">;

const MAKE_BACKUPS: readonly OperationKind[] = ["backup", "delete-tenant", "move-tenant"];

/** Moves the tenant, and the backup, of an operation that failed or was canceled. */
export async function giveTenantUp(transaction: ControlDatabase, row: TenantOperation): Promise<void> {
  if (row.kind === "create-tenant") await setTenant(transaction, row, "provisioning-failed");
  if (row.kind === "delete-tenant") await undoDeletion(transaction, row.id);
  if (row.kind === "migrate-legacy") await giveImportUp(transaction, row.id);
  if (row.kind === "restore") await giveRestoreUp(transaction, row.id);
  if (MAKE_BACKUPS.includes(row.kind)) await giveBackupUp(transaction, row.id);
  if (row.kind === "migrate-fleet") await forgetPause(transaction, row.id);
}

/** Only the tenant that the operation still holds: another import may have taken it over. */
async function giveImportUp(transaction: ControlDatabase, operationId: string): Promise<void> {
  const state = nextTenantState("provisioning", "provisioning-failed");
  if (state === undefined) throw new Error("a tenant that is being made can't fail");
  await transaction
    .updateTable("tenants")
    .from("legacy_items")
    .set({ state })
    .whereRef("legacy_items.tenant_id", "=", "tenants.id")
    .where("legacy_items.operation_id", "=", operationId)
    .where("tenants.state", "=", "provisioning")
    .execute();
}

/**
 * Moves the tenant, and the backup, of an operation that is put back. An import sees for itself what has become of the license meanwhile.
 *
 * @throws TenancyError STATE_CONFLICT when something else has been done with the tenant since.
 */
export async function takeTenantUp(transaction: ControlDatabase, row: TenantOperation): Promise<void> {
  if (row.kind === "delete-tenant") await resumeDeletion(transaction, row.id);
  if (row.kind === "restore") await takeRestoreUp(transaction, row.id);
  if (row.kind === "move-tenant") await takeMoveUp(transaction, row.id);
  if (MAKE_BACKUPS.includes(row.kind)) await takeBackupUp(transaction, row.id);
  if (row.kind !== "create-tenant" || row.license_id === null) return;
  if (await setTenant(transaction, row, "provisioning-retried")) return;
  const tenant = await transaction
    .selectFrom("tenants")
    .select("state")
    .where("license_id", "=", row.license_id)
    .executeTakeFirst();
  if (tenant?.state === "provisioning") return;
  throw new TenancyError("STATE_CONFLICT", "The tenant isn't waiting to be made any more.", {
    hint: "See what has become of it: `tenantry license show KEY`.",
  });
}

async function setTenant(
  transaction: ControlDatabase,
  row: TenantOperation,
  event: "provisioning-failed" | "provisioning-retried",
): Promise<boolean> {
  const from = event === "provisioning-failed" ? "provisioning" : "failed";
  const to = nextTenantState(from, event);
  if (to === undefined) return false;
  const moved = await transaction
    .updateTable("tenants")
    .set({ state: to })
    .where("license_id", "=", row.license_id)
    .where("state", "=", from)
    .executeTakeFirst();
  return moved.numUpdatedRows > 0n;
}
