export type DifferenceKind =
  | "table"
  | "column"
  | "default"
  | "not null"
  | "constraint"
  | "index"
  | "trigger"
  | "function"
  | "view"
  | "sequence"
  | "type"
  | "statistics"
  | "policy"
  | "rule"
  | "setting"
  | "rights"
  | "schema"
  | "version"
  | "other";

/** One object of a tenant that isn't as its blueprint's version has it. */
export interface Difference {
  readonly kind: DifferenceKind;
  /** As in `INDEX notes_at`, or `notes.body` for what is a column's. */
  readonly object: string;
  readonly state: "missing" | "extra" | "changed";
  /** Null for what is extra. */
  readonly expected: string | null;
  /** Null for what is missing. */
  readonly found: string | null;
  /** Whether it can be made as it should be without taking anything away. */
  readonly fixable: boolean;
  /** What an import has kept of a legacy system: it belongs there, though no blueprint knows it. */
  readonly kept: boolean;
}

/** A difference with what mends it. */
export interface MendableDifference extends Difference {
  /** For the tenant's schema first on the path; empty where it isn't to be mended so. `TENANT_ROLE` stands for the tenant's role. */
  readonly mend: readonly string[];
}

/** Stands for the tenant's role in a statement; no identifier can be it, since the quotes don't match. */
export const TENANT_ROLE = '"\u0001tenant';
/** Stands for the tenant's schema. */
export const TENANT_SCHEMA = '"\u0001schema';
