import type { ArchivedTenant } from "@tenantry/archive";
import type { ControlDatabase } from "@tenantry/schema";
import type { Claim } from "../claim.ts";
import type { TenancyContext } from "../context.ts";
import { holdClaim } from "../succeed-operation.ts";
import { insertBackup } from "./order-backup.ts";
import { type BackupResult, recordBackup } from "./record-backup.ts";
import type { WrittenArchive } from "./write-archive.ts";

/** The id of the backup that a deletion makes, whichever of its attempts. Null when the claim is lost. */
export async function lastBackupId(
  ctx: TenancyContext,
  claim: Claim,
  license: { readonly id: string; readonly key: string },
): Promise<string | null> {
  return ctx.control.transaction().execute(async (transaction) => {
    if (!(await holdClaim(ctx, transaction, claim))) return null;
    const known = await transaction
      .selectFrom("backups")
      .select("id")
      .where("operation_id", "=", claim.operationId)
      .where("kind", "=", "last")
      .executeTakeFirst();
    if (known !== undefined) return known.id;
    const made = await insertBackup(transaction, {
      operationId: claim.operationId,
      kind: "last",
      licenseId: license.id,
      licenseKey: license.key,
    });
    return made.id;
  });
}

/** A last backup that is whole, in the store, and was read again. */
export interface LastArchive {
  readonly result: BackupResult;
  readonly written: WrittenArchive;
  readonly tenant: ArchivedTenant | null;
}

/**
 * Makes an archive the last backup, in the caller's transaction, which holds the claim. An earlier attempt may have come as
 * far, and no further: its archive is left to be removed.
 */
export async function recordLastBackup(
  transaction: ControlDatabase,
  claim: Claim,
  { result, written, tenant }: LastArchive,
): Promise<void> {
  const earlier = await transaction
    .selectFrom("backups")
    .select(["archive_id", "name"])
    .where("id", "=", result.backupId)
    .executeTakeFirstOrThrow();
  await recordBackup(transaction, result, written, tenant);
  if (earlier.archive_id === null || earlier.name === null) return;
  await transaction
    .insertInto("backup_attempts")
    .values({
      archive_id: earlier.archive_id,
      backup_id: result.backupId,
      attempt: claim.attempt - 1,
      name: earlier.name,
    })
    .execute();
}
