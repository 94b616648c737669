import type { ControlDatabase, RestoreMode } from "@tenantry/schema";
import { violatedConstraint } from "@tenantry/schema";
import { acceptOperation, type WorkOutcome } from "../accept-operation.ts";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import type { Caller } from "../idempotency.ts";
import { normalizeLicenseKey } from "../license-key.ts";
import type { RunAnswer } from "../run.ts";
import { assertNothingElse } from "../tenant-in-use.ts";
import type { ReadyBackup } from "./backup-view.ts";
import { lockReadyBackup } from "./list-backups.ts";
import {
  assertNotErased,
  insertCopy,
  lockTenantOf,
  type RestoreTarget,
  replacedTenant,
} from "./restore-target.ts";

export interface OrderRestoreInput {
  /** The backup's. */
  readonly id: string;
  readonly mode: RestoreMode;
  /** Of a copy; made when it isn't given. */
  readonly licenseKey?: string;
}

/** What two tenants can't share. */
const TAKEN: Readonly<Record<string, string>> = {
  licenses_key_key: "There is a license with that key already.",
  tenants_placement_schema_name_key:
    "There is a tenant whose schema has the name that the copy's would have.",
};

/**
 * Accepts that a backup is brought back: in place of its tenant as it is now, which may also have been deleted, or as a new
 * license beside it.
 *
 * @throws TenancyError BACKUP_NOT_FOUND; STATE_CONFLICT while the backup is being made and after it is gone, for one of
 * control data, while something else is done with the tenant, when the copy's key is taken; TENANT_NOT_READY when there is
 * no tenant to replace yet; BLUEPRINT_UNKNOWN; IDEMPOTENCY_KEY_REUSED.
 */
export async function orderRestore(
  ctx: TenancyContext,
  input: OrderRestoreInput,
  caller: Caller,
): Promise<WorkOutcome<RunAnswer>> {
  const { mode } = input;
  const key = input.licenseKey === undefined ? undefined : normalizeLicenseKey(input.licenseKey);
  let target: RestoreTarget | null = null;
  const order = acceptOperation(
    ctx,
    {
      kind: "restore",
      input: { backupId: input.id, mode },
      lock: (transaction) =>
        mode === "replace" ? lockTenantOf(transaction, input.id) : Promise.resolve(undefined),
      check: async (transaction, tenant) => {
        const backup = await lockReadyBackup(ctx, transaction, input.id);
        await assertRestorable(ctx, transaction, backup);
        target =
          mode === "replace"
            ? replacedTenant(backup, tenant)
            : await insertCopy(ctx, transaction, backup, key);
        return { licenseId: target.licenseId };
      },
      prepare: async (transaction, operationId) => {
        if (target === null) throw new Error("a restore is checked before it is prepared");
        if (mode === "replace") await assertNothingElse(transaction, target.licenseId, operationId);
        await transaction
          .insertInto("restores")
          .values({
            operation_id: operationId,
            backup_id: input.id,
            mode,
            license_id: target.licenseId,
            tenant_id: target.tenantId,
          })
          .execute();
        return {};
      },
    },
    caller,
  );
  return order.catch((error: unknown) => {
    const taken = TAKEN[violatedConstraint(error) ?? ""];
    if (taken === undefined) throw error;
    throw new TenancyError("STATE_CONFLICT", taken, {
      hint: "Choose another key for the copy, or give none.",
      cause: error,
    });
  });
}

async function assertRestorable(
  ctx: TenancyContext,
  transaction: ControlDatabase,
  { kind, license_id, blueprint }: ReadyBackup,
): Promise<void> {
  if (kind === "control" || blueprint === null) {
    throw new TenancyError("STATE_CONFLICT", "The backup is of the control data.", {
      hint: "It comes back with `tenantry restore-all`, into an empty database.",
    });
  }
  if (!ctx.blueprints.has(blueprint)) {
    throw new TenancyError("BLUEPRINT_UNKNOWN", `There is no blueprint ${blueprint} here.`);
  }
  const license = await transaction
    .selectFrom("licenses")
    .select("erased_at")
    .where("id", "=", license_id)
    .executeTakeFirst();
  if (license !== undefined) assertNotErased(license);
}
