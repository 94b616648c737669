import type { SnapshotContents, SnapshotFigures, SnapshotSource } from "@tenantry/schema";

/** The version of the format that this build writes. It reads all up to it. */
export const ARCHIVE_FORMAT = 1;

/** What of an archive anybody may read who has the file. */
export interface ArchiveHeader {
  readonly format: number;
  /** UUIDv7 of the backup. */
  readonly id: string;
  readonly kind: "tenant" | "control";
  /** ISO 8601, UTC. */
  readonly takenAt: string;
  readonly tool: string;
  readonly installationId: string;
  /** Null for rows that lie open. */
  readonly encryption: ArchiveEncryption | null;
}

export interface ArchiveEncryption {
  readonly algorithm: "AES-256-GCM";
  /** First 16 hexadecimal digits of the SHA-256 of the `BACKUP_KEY` that wraps the archive's own. */
  readonly keyId: string;
}

/** What of an archive lies inside, encrypted where that is so. */
export interface ArchiveSubject {
  /** Null for control data. */
  readonly license: ArchivedLicense | null;
  readonly tenant: ArchivedTenant | null;
}

/** The license's row in the control schema, by its columns' names, but for the administrator's hash. Times are ISO 8601. */
export type ArchivedLicense = Readonly<Record<string, unknown>> & {
  readonly id: string;
  readonly key: string;
  readonly blueprint: string;
};

export interface ArchivedTenant {
  readonly id: string;
  readonly schema: string;
  readonly role: string;
  readonly blueprint: string;
  readonly version: string;
  readonly placement: string;
}

/** An archive that was read from end to end and found whole. */
export interface Archive extends ArchiveSubject {
  readonly header: ArchiveHeader;
  readonly contents: SnapshotContents;
  readonly figures: SnapshotFigures;
  /** Of the file as it is stored. */
  readonly bytes: number;
  readonly sha256: string;
  /** By whom it is known to be written: `BACKUP_KEY`'s holder, or nobody knows. */
  readonly signed: boolean;
}

/** What makes an archive readable. */
export interface OpenArchive extends Archive, SnapshotSource {}
