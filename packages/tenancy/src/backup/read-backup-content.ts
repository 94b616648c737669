import { Readable } from "node:stream";
import { archiveToSql, exportedArchive, KEY_MEMBER_BYTES } from "@tenantry/archive";
import type { TenancyContext } from "../context.ts";
import { backupError } from "./backup-error.ts";
import type { ReadyBackup } from "./backup-view.ts";
import { readyBackup } from "./list-backups.ts";
import { nameOf, openStored, wrappedKeyOf } from "./stored-archive.ts";

export interface BackupContent {
  /** Breaks off with an error when what is read turns out not to be what was written. */
  readonly stream: Readable;
  /** Null where that isn't known before. */
  readonly bytes: number | null;
  readonly fileName: string;
  /** Of what the stream gives; null where that isn't known before. */
  readonly sha256: string | null;
}

/**
 * A backup as one file that says of itself what it is: the archive, with its wrapped key in front where it has one; or the
 * plain SQL of it, which `psql` loads. The archive was checked from end to end before its first byte is given out.
 *
 * @throws TenancyError BACKUP_NOT_FOUND, STATE_CONFLICT, BACKUP_CORRUPT, BACKUP_TOO_NEW, BACKUP_KEY_MISSING,
 * STORE_UNAVAILABLE.
 */
export async function readBackupContent(
  ctx: TenancyContext,
  id: string,
  format: "archive" | "sql",
): Promise<BackupContent> {
  const backup = await readyBackup(ctx, id);
  const fileName = fileNameOf(backup);
  const archive = await openStored(ctx, backup);
  if (format === "sql") {
    const stream = Readable.from(archiveToSql(archive), { objectMode: false });
    return { stream, bytes: null, fileName: `${fileName}.sql`, sha256: null };
  }
  const { store } = ctx.backups;
  try {
    const wrappedKey = await wrappedKeyOf(store, backup);
    const stored = await store.read(nameOf(backup));
    return {
      stream: Readable.from(exportedArchive(stored, wrappedKey), { objectMode: false }),
      bytes: archive.bytes + (wrappedKey === null ? 0 : KEY_MEMBER_BYTES),
      fileName: `${fileName}.tar`,
      sha256: wrappedKey === null ? archive.sha256 : null,
    };
  } catch (error) {
    throw backupError(error, "BACKUP_FAILED");
  }
}

/** `7QKD-M3ZT-0V5H-XA2P-20261122T031500Z`; a legacy key may hold what a file's name can't. */
function fileNameOf(backup: ReadyBackup): string {
  const whose = backup.license_key?.replaceAll(/[^0-9A-Za-z-]/g, "_") ?? "control";
  const second = backup.taken_at?.toISOString().replaceAll(/[-:]|\.\d+/g, "") ?? "";
  return `${whose}-${second}`;
}
