import type { LegacyFinding, LegacyValue, OperationState, QuarantineCode } from "@tenantry/schema";
import type { StoredError } from "../errors.ts";
import type { LegacyRunFigures } from "./legacy-figures.ts";
import type { ImportReport, LegacyItem } from "./legacy-item.ts";
import type { OnExisting } from "./legacy-migration-request.ts";

/** Everything that is known of a legacy migration, for people who weren't there and for those who check. */
export interface LegacyReport {
  readonly id: string;
  readonly system: string;
  readonly blueprint: string;
  /** The source's folder on the worker's machine. */
  readonly source: string;
  readonly state: OperationState;
  /** Who asked for it. */
  readonly actor: string;
  readonly dryRun: boolean;
  readonly strict: boolean;
  readonly onExisting: OnExisting;
  /** Null: the system's own. */
  readonly timeZone: string | null;
  readonly createdAt: string;
  readonly finishedAt: string | null;
  readonly error?: StoredError;
  readonly figures: LegacyRunFigures;
  readonly findings: readonly LegacyFinding[];
  readonly licenses: readonly LicenseReport[];
}

export interface LicenseReport extends LegacyItem {
  /** The tenant's schema; null where there is none. */
  readonly schema: string | null;
  /** Null unless it was moved with its data. */
  readonly certificate: ImportReport | null;
  readonly quarantine: readonly QuarantineGroup[];
}

/** Rows of a license that went to quarantine for the same reason. */
export interface QuarantineGroup {
  readonly table: string;
  readonly column: string;
  readonly code: QuarantineCode;
  readonly reason: string;
  readonly rows: number;
  /** Of these, neither imported nor set aside since. */
  readonly open: number;
  /** A few of them. */
  readonly examples: readonly { readonly rowId: string; readonly value: LegacyValue }[];
}
