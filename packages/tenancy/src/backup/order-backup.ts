import { randomUUIDv7 } from "node:crypto";
import type { BackupKind, ControlDatabase } from "@tenantry/schema";
import { acceptOperation, type WorkOutcome } from "../accept-operation.ts";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import type { Caller } from "../idempotency.ts";
import { normalizeLicenseKey } from "../license-key.ts";
import type { RunAnswer } from "../run.ts";
import { assertNotHalfMoved } from "../tenant-in-use.ts";
import { type Backup, toBackup } from "./backup-view.ts";

export type OrderBackupAnswer = RunAnswer & { readonly backup: Backup };

/**
 * Accepts a backup of one license's tenant.
 *
 * @throws TenancyError LICENSE_NOT_FOUND; TENANT_NOT_READY when there is nothing to back up yet; STATE_CONFLICT when it
 * was deleted, or is being, and when a move of it has failed at its very end; IDEMPOTENCY_KEY_REUSED.
 */
export async function orderBackup(
  ctx: TenancyContext,
  input: { readonly licenseKey: string },
  caller: Caller,
): Promise<WorkOutcome<OrderBackupAnswer>> {
  const key = normalizeLicenseKey(input.licenseKey);
  return acceptOperation(
    ctx,
    {
      kind: "backup",
      input: {},
      lock: (transaction) => lockTenant(transaction, key),
      check: async (transaction, tenant) => {
        assertBackedUp(tenant);
        await assertNotHalfMoved(transaction, tenant.license_id, null);
        return { licenseId: tenant.license_id };
      },
      prepare: async (transaction, operationId, tenant) => ({
        backup: await insertBackup(transaction, {
          operationId,
          kind: "tenant",
          licenseId: tenant?.license_id ?? null,
          licenseKey: key,
        }),
      }),
    },
    caller,
  );
}

/** Only so far that it isn't deleted meanwhile. */
function lockTenant(transaction: ControlDatabase, key: string) {
  return transaction
    .selectFrom("tenants")
    .innerJoin("licenses", "licenses.id", "tenants.license_id")
    .select(["tenants.license_id", "tenants.state", "licenses.key"])
    .where("licenses.key", "=", key)
    .forNoKeyUpdate("tenants")
    .executeTakeFirst();
}

type LockedTenant = Awaited<ReturnType<typeof lockTenant>>;

/**
 * @throws TenancyError LICENSE_NOT_FOUND, STATE_CONFLICT, TENANT_NOT_READY.
 */
export function assertBackedUp(tenant: LockedTenant): asserts tenant is NonNullable<LockedTenant> {
  if (tenant === undefined) throw new TenancyError("LICENSE_NOT_FOUND", "There is no license with that key.");
  const { state } = tenant;
  if (state === "ready") return;
  if (state === "deleting" || state === "deleted") {
    throw new TenancyError(
      "STATE_CONFLICT",
      `The tenant is ${state}; its last backup is made with the deletion.`,
      {
        hint: `See \`tenantry backup list --license ${tenant.key}\`.`,
      },
    );
  }
  throw new TenancyError("TENANT_NOT_READY", `The tenant is ${state}: there is nothing to back up yet.`);
}

/** A backup that an operation is to make. */
export async function insertBackup(
  transaction: ControlDatabase,
  backup: {
    readonly operationId: string;
    readonly kind: BackupKind;
    readonly licenseId: string | null;
    readonly licenseKey: string | null;
  },
): Promise<Backup> {
  const row = await transaction
    .insertInto("backups")
    .values({
      id: randomUUIDv7(),
      operation_id: backup.operationId,
      kind: backup.kind,
      license_id: backup.licenseId,
      license_key: backup.licenseKey,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return toBackup(row);
}
