import type { ControlDatabase } from "@tenantry/schema";
import { sql } from "kysely";
import type { TenancyContext } from "../context.ts";
import { removeNoted } from "./abandoned.ts";
import type { BackupRow } from "./backup-view.ts";

/**
 * Removes a backup for good. First from every list, and its archive is noted as one to be removed, in one commit; then from
 * the store: so no list shows what isn't there, and what a store that is away keeps is found again (`removeAbandoned`).
 * False when somebody else has removed it, or it may not go.
 *
 * @param mayGo asked in the commit that removes it, with the backup locked: whoever would use it comes before or after.
 * @throws StoreError: it is in no list any more, and removed later.
 */
export async function removeBackup(
  ctx: TenancyContext,
  backup: Pick<BackupRow, "id" | "archive_id" | "name">,
  mayGo?: (transaction: ControlDatabase) => Promise<boolean>,
): Promise<boolean> {
  const { archive_id, name } = backup;
  const removed = await ctx.control.transaction().execute(async (transaction) => {
    await transaction.selectFrom("backups").select("id").where("id", "=", backup.id).forUpdate().execute();
    if (mayGo !== undefined && !(await mayGo(transaction))) return null;
    const gone = await transaction
      .updateTable("backups")
      .set({ state: "gone", gone_at: sql<Date>`now()` })
      .where("id", "=", backup.id)
      .where("state", "=", "ready")
      .executeTakeFirst();
    if (gone.numUpdatedRows === 0n || archive_id === null || name === null) return null;
    await transaction
      .insertInto("backup_attempts")
      .values({ archive_id, backup_id: backup.id, attempt: 0, name })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    return { archive_id, name };
  });
  if (removed === null) return false;
  await removeNoted(ctx, removed);
  return true;
}
