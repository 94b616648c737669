import { keyName } from "@tenantry/archive";
import type { TenancyContext } from "../context.ts";
import { nameOf } from "./stored-archive.ts";
import type { WrittenArchive } from "./write-archive.ts";

/**
 * Removes what attempts at one backup have left in the store, and their notes; never of an attempt that comes after. What
 * can't be removed now stays noted.
 *
 * @param before the attempt that asks, whose own stays; null when the backup's operation has ended.
 */
export async function removeAttempts(
  ctx: TenancyContext,
  backupId: string,
  before: number | null,
): Promise<void> {
  let query = ctx.control
    .selectFrom("backup_attempts")
    .select(["archive_id", "name"])
    .where("backup_id", "=", backupId);
  if (before !== null) query = query.where("attempt", "<", before);
  for (const attempt of await query.execute()) await removeAttempt(ctx, attempt);
}

/** What attempts have left whose operations have ended; a worker may have died on the way. Returns how many there were. */
export async function removeAbandoned(ctx: TenancyContext): Promise<number> {
  const abandoned = await ctx.control
    .selectFrom("backup_attempts")
    .innerJoin("backups", "backups.id", "backup_attempts.backup_id")
    .innerJoin("operations", "operations.id", "backups.operation_id")
    .select(["backup_attempts.archive_id", "backup_attempts.name"])
    .where("operations.state", "in", ["succeeded", "failed", "canceled"])
    .execute();
  for (const attempt of abandoned) await removeAttempt(ctx, attempt);
  return abandoned.length;
}

/** What can't be removed now stays noted. */
export async function removeAttempt(ctx: TenancyContext, attempt: Attempt): Promise<void> {
  try {
    await removeNoted(ctx, attempt);
  } catch (error) {
    ctx.log.warn({ err: error, archive: attempt.archive_id }, "an archive of no use isn't removed yet");
  }
}

export interface Attempt {
  readonly archive_id: string;
  readonly name: string;
}

/**
 * Its key first, without which nobody reads it; its note last, which must outlive it.
 *
 * @throws StoreError; the driver's error.
 */
export async function removeNoted(ctx: TenancyContext, attempt: Attempt): Promise<void> {
  const name = nameOf(attempt);
  await ctx.backups.store.remove(keyName(name));
  await ctx.backups.store.remove(name);
  await ctx.control.deleteFrom("backup_attempts").where("archive_id", "=", attempt.archive_id).execute();
}

/**
 * Removes an archive that didn't become the backup. Nothing happens when it did after all, in a commit whose answer was lost.
 */
export async function removeUnlessRecorded(
  ctx: TenancyContext,
  backupId: string,
  { archiveId, name }: Pick<WrittenArchive, "archiveId" | "name">,
): Promise<void> {
  const isIts = await ctx.control.transaction().execute(async (transaction) => {
    // Such a commit takes the note away: if it is still going on, this waits for it.
    await transaction
      .selectFrom("backup_attempts")
      .select("archive_id")
      .where("archive_id", "=", archiveId)
      .forUpdate()
      .execute();
    const backup = await transaction
      .selectFrom("backups")
      .select("archive_id")
      .where("id", "=", backupId)
      .executeTakeFirst();
    return backup?.archive_id === archiveId;
  });
  // By its name: of a worker that was taken for dead the note may be gone.
  if (!isIts) await removeAttempt(ctx, { archive_id: archiveId, name });
}
