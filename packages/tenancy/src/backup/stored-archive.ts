import {
  ArchiveError,
  type BackupStore,
  keyName,
  type OpenArchive,
  openArchive,
  type StoreName,
  storeName,
} from "@tenantry/archive";
import { SnapshotLoadError, SnapshotMismatchError } from "@tenantry/schema";
import { sql } from "kysely";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import { backupError } from "./backup-error.ts";
import type { ReadyBackup } from "./backup-view.ts";

/**
 * Opens a backup's archive: read from end to end, and found to be what was written for this backup. Notes when it is not.
 *
 * @throws TenancyError BACKUP_CORRUPT, BACKUP_TOO_NEW, BACKUP_KEY_MISSING, STORE_UNAVAILABLE.
 */
export async function openStored(ctx: TenancyContext, backup: ReadyBackup): Promise<OpenArchive> {
  const { store, key } = ctx.backups;
  try {
    const name = nameOf(backup);
    const wrappedKey = backup.key_id === null ? null : await store.get(keyName(name));
    const archive = await openArchive({ read: () => store.read(name) }, { wrappedKey, backupKey: key });
    // A file that is whole may still be another backup's: then its sum isn't the one that was noted.
    if (archive.sha256 !== backup.sha256 || archive.header.id !== backup.archive_id) {
      throw new ArchiveError("corrupt", "it isn't the archive that was written for this backup");
    }
    await ctx.control
      .updateTable("backups")
      // What came of restoring it, right hashes don't refute.
      .set({
        checked_at: sql<Date>`now()`,
        trouble: sql`case when trouble ->> 'code' = 'BACKUP_CORRUPT' then null else trouble end`,
      })
      .where("id", "=", backup.id)
      .execute();
    return archive;
  } catch (error) {
    throw await noteTrouble(ctx, backup.id, backupError(error, "RESTORE_FAILED"));
  }
}

/** The wrapped key beside an archive; null for one that lies open. */
export async function wrappedKeyOf(store: BackupStore, backup: ReadyBackup): Promise<Buffer | null> {
  return backup.key_id === null ? null : store.get(keyName(nameOf(backup)));
}

/** Names in the table were made by this system, and are checked once more: they become paths. */
export function nameOf(backup: { readonly name: string }): StoreName {
  const name = storeName(backup.name);
  if (name === null) throw new TypeError("a backup's name isn't one of ours");
  return name;
}

/** Whether an error of loading an archive is the archive's own, and not the server's that it is loaded on. */
export function isTheArchives(error: unknown): boolean {
  return (
    error instanceof ArchiveError ||
    error instanceof SnapshotLoadError ||
    error instanceof SnapshotMismatchError
  );
}

/** What is wrong with the file itself is noted, so that it counts as good no longer. */
export async function noteTrouble(ctx: TenancyContext, id: string, error: unknown): Promise<unknown> {
  const isItsOwn = error instanceof TenancyError && ["BACKUP_CORRUPT", "RESTORE_FAILED"].includes(error.code);
  if (!isItsOwn) return error;
  await ctx.control
    .updateTable("backups")
    .set({ trouble: JSON.stringify({ code: error.code, detail: error.message }) })
    .where("id", "=", id)
    .execute();
  return error;
}
