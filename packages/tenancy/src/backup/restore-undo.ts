import type { ControlDatabase } from "@tenantry/schema";
import { TenancyError } from "../errors.ts";
import { assertNothingElse } from "../tenant-in-use.ts";
import { nextTenantState } from "../tenant-state.ts";
import { assertNotErased, assertReplaceable } from "./restore-target.ts";

/** What was to be replaced is as it was; a copy that wasn't made is a tenant that failed, to be retried or deleted. */
export async function giveRestoreUp(transaction: ControlDatabase, operationId: string): Promise<void> {
  await moveCopy(transaction, operationId, "provisioning-failed");
}

/**
 * Takes a failed or canceled restore up again, inside the transaction that puts its operation back.
 *
 * @throws TenancyError STATE_CONFLICT, TENANT_NOT_READY when the tenant has moved on meanwhile, or was erased.
 */
export async function takeRestoreUp(transaction: ControlDatabase, operationId: string): Promise<void> {
  const tenant = await transaction
    .selectFrom("restores")
    .innerJoin("tenants", "tenants.id", "restores.tenant_id")
    .innerJoin("licenses", "licenses.id", "tenants.license_id")
    .select(["restores.mode", "tenants.state", "tenants.license_id", "licenses.erased_at"])
    .where("restores.operation_id", "=", operationId)
    .forUpdate("tenants")
    .executeTakeFirstOrThrow();
  assertNotErased(tenant);
  await assertNothingElse(transaction, tenant.license_id, operationId);
  if (tenant.mode === "replace") return assertReplaceable(tenant.state);
  if (await moveCopy(transaction, operationId, "provisioning-retried")) return;
  throw new TenancyError("STATE_CONFLICT", `The copy's tenant is ${tenant.state}; it isn't made again.`, {
    hint: "Bring the backup back as another copy.",
  });
}

async function moveCopy(
  transaction: ControlDatabase,
  operationId: string,
  event: "provisioning-failed" | "provisioning-retried",
): Promise<boolean> {
  const from = event === "provisioning-failed" ? "provisioning" : "failed";
  const state = nextTenantState(from, event);
  if (state === undefined) throw new Error(`a tenant that is ${from} has no ${event}`);
  const moved = await transaction
    .updateTable("tenants")
    .from("restores")
    .set({ state })
    .whereRef("restores.tenant_id", "=", "tenants.id")
    .where("restores.operation_id", "=", operationId)
    .where("restores.mode", "=", "copy")
    .where("tenants.state", "=", from)
    .executeTakeFirst();
  return moved.numUpdatedRows > 0n;
}
