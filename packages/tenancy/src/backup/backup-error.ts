import { ArchiveError, type ArchiveErrorKind, StoreError } from "@tenantry/archive";
import {
  isTransient,
  SnapshotLoadError,
  SnapshotMismatchError,
  SnapshotNotPossibleError,
  SnapshotUnsupportedError,
  sqlState,
  UnknownMigrationsError,
} from "@tenantry/schema";
import { type ErrorCode, TenancyError } from "../errors.ts";

const ARCHIVE_CODES: Readonly<Record<ArchiveErrorKind, ErrorCode>> = {
  corrupt: "BACKUP_CORRUPT",
  "newer-format": "BACKUP_TOO_NEW",
  "wrong-key": "BACKUP_KEY_MISSING",
  "no-key": "BACKUP_KEY_MISSING",
  "not-signed": "BACKUP_NOT_TRUSTED",
};

/**
 * Names the trouble of what is done with a backup. PostgreSQL's own sentence may quote a row, so it goes to the log only.
 *
 * @param failure what it comes to when PostgreSQL or the schema is in the way.
 */
export function backupError(error: unknown, failure: "BACKUP_FAILED" | "RESTORE_FAILED"): unknown {
  if (error instanceof TenancyError) return error;
  if (error instanceof ArchiveError) {
    return new TenancyError(ARCHIVE_CODES[error.kind], `The backup can't be used: ${error.message}.`, {
      hint: error.remedy,
      cause: error,
    });
  }
  if (error instanceof StoreError) return storeError(error);
  if (isTransient(error)) {
    return new TenancyError("UNAVAILABLE", "PostgreSQL is away or busy; the work will be tried again.", {
      retryable: true,
      hint: "Nothing to do unless it lasts: see whether PostgreSQL is up, and who holds locks in the tenant's schema.",
      cause: error,
    });
  }
  return schemaError(error, failure);
}

function storeError(error: StoreError): TenancyError {
  return new TenancyError("STORE_UNAVAILABLE", error.message, {
    hint: error.remedy,
    retryable: error.kind === "away",
    cause: error,
  });
}

function schemaError(error: unknown, failure: "BACKUP_FAILED" | "RESTORE_FAILED"): unknown {
  if (error instanceof SnapshotNotPossibleError) {
    return new TenancyError(failure, `${sentence(error.message)}.`, {
      retryable: error.reason === "keeps-changing",
      hint: "Run `tenantry doctor <license key>`.",
      cause: error,
    });
  }
  if (error instanceof SnapshotUnsupportedError) {
    return new TenancyError(failure, `${sentence(error.message)}.`, {
      hint: "Remove these from the tenant's schema, or move them to another one; then run `tenantry operation retry`.",
      cause: error,
    });
  }
  if (error instanceof UnknownMigrationsError) {
    return new TenancyError(failure, `It holds migrations unknown here: ${error.migrations.join(", ")}.`, {
      hint: "Start the Tenantry version that made them, or a later one; then run `tenantry operation retry`.",
      cause: error,
    });
  }
  if (error instanceof SnapshotMismatchError) {
    return new TenancyError(failure, `What was loaded isn't what the backup says: ${error.message}.`, {
      cause: error,
    });
  }
  const [what, state] =
    error instanceof SnapshotLoadError
      ? [`the backup's ${error.part}`, sqlState(error.cause)]
      : ["a part of it", sqlState(error)];
  if (state === undefined) return error;
  return new TenancyError(failure, `PostgreSQL refused ${what} (SQLSTATE ${state}).`, { cause: error });
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
