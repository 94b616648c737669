import type { ArchivedTenant } from "@tenantry/archive";
import type { ControlDatabase } from "@tenantry/schema";
import type { WrittenArchive } from "./write-archive.ts";

/** What a finished operation says of the backup that it made. */
export interface BackupResult {
  readonly backupId: string;
  readonly takenAt: string;
  readonly bytes: number;
  readonly rows: number;
  readonly tables: number;
  /** Of the archive as it is stored, hex. */
  readonly sha256: string;
}

export function backupResult(backupId: string, written: WrittenArchive): BackupResult {
  const { contents, figures } = written.snapshot;
  return {
    backupId,
    takenAt: contents.takenAt,
    bytes: written.bytes,
    rows: figures.tables.reduce((sum, table) => sum + table.rows, 0),
    tables: contents.tables.length,
    sha256: written.sha256,
  };
}

/** Makes a backup one that is there, in the caller's transaction: its archive is whole and in the store. */
export async function recordBackup(
  transaction: ControlDatabase,
  result: BackupResult,
  written: WrittenArchive,
  tenant: ArchivedTenant | null,
): Promise<void> {
  await transaction
    .updateTable("backups")
    .set({
      state: "ready",
      gone_at: null,
      archive_id: written.archiveId,
      name: written.name,
      tenant_id: tenant?.id ?? null,
      schema_name: tenant?.schema ?? null,
      blueprint: tenant?.blueprint ?? null,
      version: tenant === null ? null : (written.snapshot.contents.ledger.at(-1) ?? tenant.version),
      bytes: result.bytes,
      rows: result.rows,
      tables: result.tables,
      sha256: result.sha256,
      key_id: written.keyId,
      signed: written.signed,
      taken_at: new Date(result.takenAt),
    })
    .where("id", "=", result.backupId)
    .execute();
  await transaction.deleteFrom("backup_attempts").where("archive_id", "=", written.archiveId).execute();
}
