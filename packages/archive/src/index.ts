export * from "./archive.ts";
export { ArchiveError, type ArchiveErrorKind } from "./archive-error.ts";
export { type ArchiveSink, type ArchiveSinkInput, archiveSink } from "./archive-sink.ts";
export { archiveToSql } from "./archive-to-sql.ts";
export { exportedArchive, KEY_MEMBER_BYTES, type SplitArchive, splitExported } from "./exported-archive.ts";
export type { ReadingKeys } from "./inspect-archive.ts";
export { type ArchiveKeys, backupKeyId, newDataKey, unwrapKey, wrapKey } from "./keys.ts";
export { type ArchiveFile, openArchive } from "./open-archive.ts";
export type { BackupStore, StoredFile } from "./store/backup-store.ts";
export { type BackupStoreOptions, openBackupStore } from "./store/open-backup-store.ts";
export { type RetainedBackup, type RetentionPolicy, retire } from "./store/retention.ts";
export { StoreError, type StoreErrorKind } from "./store/store-error.ts";
export {
  archiveName,
  erasedName,
  keyName,
  type StoreName,
  storeName,
  tenantFolder,
} from "./store/store-name.ts";
