import type { ControlDatabase } from "@tenantry/schema";
import { sql } from "kysely";

/** What an operation that failed or was canceled was to make is not to be waited for. */
export async function giveBackupUp(transaction: ControlDatabase, operationId: string): Promise<void> {
  await transaction
    .updateTable("backups")
    .set({ state: "gone", gone_at: sql<Date>`now()` })
    .where("operation_id", "=", operationId)
    .where("state", "=", "making")
    .execute();
}

/** An operation that is put back makes it after all. One that was made before, and removed, stays gone. */
export async function takeBackupUp(transaction: ControlDatabase, operationId: string): Promise<void> {
  await transaction
    .updateTable("backups")
    .set({ state: "making", gone_at: null })
    .where("operation_id", "=", operationId)
    .where("state", "=", "gone")
    .where("archive_id", "is", null)
    .execute();
}
