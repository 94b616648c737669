import type { ControlDatabase, TenantState } from "@tenantry/schema";
import { sql } from "kysely";
import type { BackupResult } from "./backup/record-backup.ts";
import { type LastArchive, recordLastBackup } from "./backup/record-last-backup.ts";
import { type Claim, underClaim } from "./claim.ts";
import type { TenancyContext } from "./context.ts";
import { TenancyError } from "./errors.ts";
import type { TenantRow } from "./license-view.ts";
import { assertNothingElse } from "./tenant-in-use.ts";
import { nextTenantState } from "./tenant-state.ts";

/** The file that a version without archives has left of a tenant that it deleted, or began to delete. */
export interface PlainBackup {
  /** Its name in the backups' folder of the worker that wrote it. */
  readonly file: string;
  /** Name of that worker's machine. */
  readonly host: string;
  readonly bytes: number;
  readonly rows: number;
  /** Of the file as it lies there, hex. */
  readonly sha256: string;
}

/** What a deletion has of its tenant: one of the two, or none when the tenant had no schema. */
export interface LastBackup {
  readonly backup: BackupResult | null;
  readonly plain: PlainBackup | null;
}

/** `deletions.backup` as it was written, by whichever version. */
export function lastBackupOf(recorded: unknown): LastBackup {
  const value = recorded as BackupResult | PlainBackup | null;
  if (value === null) return { backup: null, plain: null };
  return "file" in value ? { backup: null, plain: value } : { backup: value, plain: null };
}

/**
 * Takes a tenant out of use for an operation that is to delete it, inside the caller's transaction, which holds the tenant's
 * row.
 *
 * @throws TenancyError STATE_CONFLICT, with a hint, while the tenant is being made or something else is done with it.
 */
export async function beginDeletion(
  transaction: ControlDatabase,
  tenant: Pick<TenantRow, "id" | "license_id" | "state">,
  operationId: string,
): Promise<void> {
  const next = nextTenantState(tenant.state, "delete");
  await assertNothingElse(transaction, tenant.license_id, operationId);
  if (next === undefined) throw conflict(tenant.state);
  await transaction.updateTable("tenants").set({ state: next }).where("id", "=", tenant.id).execute();
  await transaction.deleteFrom("sessions").where("license_id", "=", tenant.license_id).execute();
  const former_state = tenant.state as "ready" | "failed";
  await transaction
    .insertInto("deletions")
    .values({ operation_id: operationId, tenant_id: tenant.id, former_state })
    .onConflict((again) => again.column("operation_id").doUpdateSet({ former_state }))
    .execute();
}

function conflict(state: TenantState): TenancyError {
  return state === "deleted"
    ? new TenancyError("STATE_CONFLICT", "The license was deleted already.", {
        hint: "Nothing is left to do.",
      })
    : new TenancyError("STATE_CONFLICT", `The tenant is ${state}.`);
}

/**
 * Takes a failed or canceled deletion up again, inside the transaction that puts its operation back.
 *
 * @throws TenancyError STATE_CONFLICT when the tenant has moved on meanwhile.
 */
export async function resumeDeletion(transaction: ControlDatabase, operationId: string): Promise<void> {
  const tenant = await transaction
    .selectFrom("tenants")
    .innerJoin("deletions", "deletions.tenant_id", "tenants.id")
    .select(["tenants.id", "tenants.license_id", "tenants.state", "deletions.drop_began_at"])
    .where("deletions.operation_id", "=", operationId)
    .forUpdate("tenants")
    .executeTakeFirstOrThrow();
  const stands = tenant.state === "deleting" && tenant.drop_began_at !== null;
  if (!stands) await beginDeletion(transaction, tenant, operationId);
}

/** Gives a tenant back whose deletion ended without having dropped anything; otherwise it stays `deleting`. */
export async function undoDeletion(transaction: ControlDatabase, operationId: string): Promise<void> {
  const deletion = await transaction
    .selectFrom("deletions")
    .select(["tenant_id", "former_state"])
    .where("operation_id", "=", operationId)
    .where("drop_began_at", "is", null)
    .executeTakeFirst();
  if (deletion === undefined) return;
  const event = deletion.former_state === "ready" ? "delete-undone" : "delete-undone-unmade";
  const state = nextTenantState("deleting", event);
  if (state === undefined) throw new Error(`a tenant that is deleting has no ${event}`);
  await transaction
    .updateTable("tenants")
    .set({ state })
    .where("id", "=", deletion.tenant_id)
    .where("state", "=", "deleting")
    .execute();
}

/**
 * @throws TenancyError STATE_CONFLICT when a deletion can't be called off any more.
 */
export async function assertNotDropping(transaction: ControlDatabase, operationId: string): Promise<void> {
  const deletion = await transaction
    .selectFrom("deletions")
    .select("drop_began_at")
    .where("operation_id", "=", operationId)
    .executeTakeFirst();
  if (deletion === undefined || deletion.drop_began_at === null) return;
  throw new TenancyError("STATE_CONFLICT", "The tenant is being dropped; that can't be called off.", {
    hint: "Its last backup was made before; see the operation's result when it has ended.",
  });
}

/**
 * The point of no return: from here on the deletion is finished, whoever finishes it, and its archive is the last backup.
 * False when the claim is lost or somebody called it off.
 *
 * @param last null when there is no schema to back up
 */
export async function recordDropBegan(
  ctx: TenancyContext,
  claim: Claim,
  last: LastArchive | null,
): Promise<boolean> {
  return ctx.control.transaction().execute(async (transaction) => {
    const held = await underClaim({ ...ctx, control: transaction }, claim)
      .set({ heartbeat_at: sql<Date>`now()` })
      .where("cancel_requested_at", "is", null)
      .executeTakeFirst();
    if (held.numUpdatedRows === 0n) return false;
    if (last !== null) await recordLastBackup(transaction, claim, last);
    await transaction
      .updateTable("deletions")
      .set({
        ...(last === null ? {} : { backup: JSON.stringify(last.result) }),
        drop_began_at: sql<Date>`coalesce(deletions.drop_began_at, now())`,
      })
      .where("operation_id", "=", claim.operationId)
      .execute();
    return true;
  });
}
