import type { TenancyContext } from "../context.ts";
import type { Backup } from "./backup-view.ts";
import { getBackup, readyBackup } from "./list-backups.ts";
import { openStored } from "./stored-archive.ts";

/**
 * The cheap check: reads a backup's archive once, and restores nothing. What it finds is noted.
 *
 * @throws TenancyError BACKUP_NOT_FOUND, STATE_CONFLICT, BACKUP_CORRUPT, BACKUP_TOO_NEW, BACKUP_KEY_MISSING,
 * STORE_UNAVAILABLE.
 */
export async function checkBackup(ctx: TenancyContext, id: string): Promise<Backup> {
  await openStored(ctx, await readyBackup(ctx, id));
  return getBackup(ctx, id);
}
