import type { BackupKind, BackupState, BackupsTable } from "@tenantry/schema";
import type { Selectable } from "kysely";

/** A backup as users of the API and the CLI see it. Times are ISO 8601, UTC. */
export interface Backup {
  readonly id: string;
  readonly kind: BackupKind;
  /** Null for control data. */
  readonly licenseKey: string | null;
  readonly state: BackupState;
  /** The moment that all its rows are of. This and what follows are null until it is ready. */
  readonly takenAt: string | null;
  /** Of the archive as it is stored. */
  readonly bytes: number | null;
  readonly rows: number | null;
  readonly tables: number | null;
  readonly blueprint: string | null;
  readonly version: string | null;
  readonly encrypted: boolean;
  /** Of the archive as it is stored, hex. */
  readonly sha256: string | null;
  /** When its hashes were last found right. */
  readonly checkedAt: string | null;
  /** When it was last restored into a scratch schema and found equal. */
  readonly verifiedAt: string | null;
  /** What the last look at it found wrong; null for a good one. */
  readonly trouble: BackupTrouble | null;
  readonly operationId: string;
}

export interface BackupTrouble {
  readonly code: string;
  readonly detail: string;
}

export interface BackupFilter {
  readonly licenseKey?: string;
  readonly kind?: BackupKind;
  readonly state?: BackupState;
}

export type BackupRow = Selectable<BackupsTable>;

/** One that is there to be read. */
export type ReadyBackup = BackupRow & {
  readonly archive_id: string;
  readonly name: string;
  readonly sha256: string;
};

/** The outside view of a backup. Leaves out where it lies. */
export function toBackup(row: BackupRow): Backup {
  return {
    id: row.id,
    kind: row.kind,
    licenseKey: row.license_key,
    state: row.state,
    takenAt: row.taken_at?.toISOString() ?? null,
    bytes: numberOf(row.bytes),
    rows: numberOf(row.rows),
    tables: row.tables,
    blueprint: row.blueprint,
    version: row.version,
    encrypted: row.key_id !== null,
    sha256: row.sha256,
    checkedAt: row.checked_at?.toISOString() ?? null,
    verifiedAt: row.verified_at?.toISOString() ?? null,
    trouble: row.trouble as BackupTrouble | null,
    operationId: row.operation_id,
  };
}

function numberOf(bigint: string | null): number | null {
  return bigint === null ? null : Number(bigint);
}
