import type { LicenseType } from "../control/tables.ts";
import type { ConditionPlan, EqualPlan, LegacyValue, ValueRule } from "./import-plan.ts";

/**
 * A system that licenses move in from, as its blueprint tells of it: where its licenses stand, and what its files' tables
 * become. A further system is one more of these (docs/legacy.md).
 */
export interface LegacySystem {
  /** As in requests: `ded`, `booking`. */
  readonly name: string;
  /** IANA name of the zone that times without one are in, unless the run says otherwise. */
  readonly timeZone: string;
  /** Finds every license of a source, and what is wrong with the source. Reads no tenant's data. */
  findLicenses(folder: LegacyFolder, options?: FindOptions): Promise<FoundLicenses>;
  readonly mapping: LegacyMapping;
}

export interface FindOptions {
  /** The run's zone for times without one, in place of the system's. */
  readonly timeZone: string | null;
}

/** The source folder of a run. Paths are relative to it, with `/`; nothing outside it is read, whatever links say. */
export interface LegacyFolder {
  /** The folder's own name, for people. */
  readonly name: string;
  /** Names in a folder ("" for the source itself) in the order of their bytes; empty when there is no such folder. */
  list(path: string): Promise<readonly LegacyEntry[]>;
  /** All rows of a table of an SQLite file, for tables that fit into memory; null when the file has no such table. */
  rows(path: string, table: string): Promise<readonly Readonly<Record<string, LegacyValue>>[] | null>;
  /**
   * A file that holds JSON.
   * @throws SourceError
   */
  json(path: string): Promise<unknown>;
}

export interface LegacyEntry {
  readonly name: string;
  readonly kind: "file" | "folder" | "other";
}

export interface FoundLicenses {
  /** In the order in which they are to be moved. No two have the same `name`. */
  readonly licenses: readonly LegacyLicense[];
  readonly findings: readonly LegacyFinding[];
}

/** Something about the source that somebody should know: a tenant's file without a license, a key that comes twice. */
export interface LegacyFinding {
  readonly file: string;
  readonly code:
    | "file-without-license"
    | "duplicate-license"
    | "ambiguous-file"
    | "unreadable"
    /** The source as a whole is empty. */
    | "no-license"
    | "entry-refused"
    | "value-replaced";
  readonly detail: string;
}

/** A license as the source has it. */
export interface LegacyLicense {
  /** Which it is, within the source: its key, or its folder. */
  readonly name: string;
  /** Where it stands: `licenses_master.db, license 4`. */
  readonly source: string;
  /** Null: it has none, and one is made that is the same each time. */
  readonly key: string | null;
  readonly clientName: string;
  readonly email: string | null;
  readonly phone: string | null;
  readonly company: string | null;
  readonly licenseType: LicenseType;
  readonly maxUsers: number;
  readonly maxBranches: number;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly isActive: boolean;
  readonly isSuspended: boolean;
  readonly suspensionReason: string | null;
  readonly notes: string | null;
  readonly createdAt: Date | null;
  readonly activatedAt: Date | null;
  readonly expiresAt: Date | null;
  readonly admin: LegacyAdmin | null;
  /** The file with its data, or null: then it gets a fresh, seeded tenant. */
  readonly file: string | null;
  /** The schema's name that it should have if that is free, or null. */
  readonly schema: string | null;
  /** Set when it can't be moved as it stands: two licenses claim one file, say. A sentence for people. */
  readonly refused: string | null;
  /** Whose rows are its own in tables that hold several licenses' (see `LegacyMapping.shared`): by table, the owner's values. */
  readonly owned: Readonly<Record<string, readonly string[]>>;
  /** Of tables in other files that belong to it too: the master's row of it, its checks. Kept as `legacy_<table>`. */
  readonly kept: readonly KeptRows[];
}

export interface LegacyAdmin {
  readonly username: string;
  /** Argon2id or Werkzeug's forms; or the plain password, of which only the hash is ever kept. */
  readonly password: { readonly hash: string } | { readonly plain: string };
}

/** Rows of this license from a file that is not its own. */
export interface KeptRows {
  /** `license_checks` becomes `legacy_license_checks`. */
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: readonly Readonly<Record<string, LegacyValue>>[];
}

/** What differs from the plain rule, that a table and a column go into those of the same name by the target's type. */
export interface LegacyMapping {
  readonly tables: Readonly<Record<string, TableMapping>>;
  /** Tables of the program's own, or of the database's, that hold nobody's data; not even kept. */
  readonly ignored: readonly string[];
  /** Tables that `LegacyLicense.kept` may name: no table of the file gets the name of one of them. */
  readonly kept?: readonly string[];
  /**
   * SQL for when the rows are in and compared with the file's, the tenant's schema being the only one on the path: columns
   * that follow from others, rows that a tenant can't do without. It changes no value that came from the file.
   * `current_setting('tenantry.parameters', true)` is the license's parameters, as JSON.
   */
  readonly afterLoad: readonly string[];
}

export interface TableMapping {
  /** The target table, where its name is another; null for a table that isn't the blueprint's: kept as `legacy_…`. */
  readonly target?: string | null;
  readonly columns?: Readonly<Record<string, ColumnMapping>>;
  /** The source column that says whose a row is, in a table that may hold several licenses' (`LegacyLicense.owned`). */
  readonly ownerColumn?: string;
  /** Columns never to be copied or shown. */
  readonly secrets?: readonly string[];
  /** Columns that are copied, but shown in no quarantined row: hashes of passwords. */
  readonly hidden?: readonly string[];
  /** Target columns that hold the same in every imported row, which no column of the file gives. */
  readonly constants?: Readonly<Record<string, string>>;
  /** References that depend on another column: those that the target's generated columns carry. */
  readonly references?: readonly ReferenceMapping[];
  readonly equal?: readonly EqualPlan[];
}

export interface ReferenceMapping {
  /** Target column. */
  readonly column: string;
  /** Target table. */
  readonly table: string;
  readonly when: ConditionPlan;
}

export interface ColumnMapping {
  /** Target columns, where they are others than the one of the same name; `[]` leaves it out, for the `reason`. */
  readonly targets?: readonly string[];
  readonly reason?: string;
  /** Kept as text beside the table, like a column that the blueprint doesn't know; in place of `targets`. */
  readonly aside?: boolean;
  /** By target column, in place of the rule of the target's type. */
  readonly rule?: Readonly<Record<string, ValueRule>>;
  /** By target column: see `ColumnPlan`. */
  readonly pattern?: Readonly<Record<string, string>>;
  /** By target column: see `ColumnPlan`. */
  readonly strip?: Readonly<Record<string, string>>;
  readonly values?: Readonly<Record<string, string>>;
  /** NULL goes to quarantine although the target has a default. */
  readonly required?: boolean;
  /** Zone of this column's times without one, where it is another than the system's; `fixed` whatever the run says. */
  readonly zone?: { readonly name: string; readonly fixed: boolean };
}
