/**
 * What is read of one legacy file, and into what: plain data (JSON), since a process of its own does the reading. Made by
 * `planImport` out of the file's tables, the blueprint's tables and the blueprint's mapping.
 */
export interface ImportPlan {
  /** In the order in which they are loaded: tables that others refer to come first, but for cycles. */
  readonly tables: readonly TablePlan[];
}

export interface TablePlan {
  /** The table's name in the file. */
  readonly source: string;
  /** The table's name in the tenant's schema. */
  readonly target: string;
  /** Rows that the file has of it, when it was planned: how they are loaded goes by it, and nothing else. */
  readonly rows?: number;
  /** True of a table that the blueprint doesn't know: it is made as `legacy_<name>`, with text columns. */
  readonly extra: boolean;
  readonly columns: readonly ColumnPlan[];
  /** The target column that rows of this table are referred to by, if a plan's `references` names this table. */
  readonly key: string | null;
  /** Sets of target columns in which no value may come twice; NULL never counts as the same. */
  readonly unique: readonly UniquePlan[];
  readonly references: readonly ReferencePlan[];
  /** Conditions on several columns of a row. Those that the plan doesn't tell are PostgreSQL's to refuse. */
  readonly equal?: readonly EqualPlan[];
  /** Only rows of which this holds are this license's; the others go to quarantine as `other-license`. */
  readonly owner: OwnerPlan | null;
  /** Source columns that hold secrets: not shown in a quarantined row, and copied only where `columns` names them. */
  readonly secrets: readonly string[];
}

export interface UniquePlan {
  /** Target columns. */
  readonly columns: readonly string[];
  /** True when the file itself holds them unique, byte by byte: then only converted values can meet. */
  readonly held: boolean;
}

export interface ReferencePlan {
  /** The target column that refers, of this table. */
  readonly column: string;
  /** The index in `ImportPlan.tables` of the table that is referred to; by its `key`. Null when the file has none such. */
  readonly table: number | null;
  /** Of a table that the file lacks: the keys that the blueprint's own seed puts there, as text. */
  readonly seeded: readonly string[];
  /** Only rows of which this holds refer; in all others the column is a plain value. Left out: every row. */
  readonly when?: ConditionPlan;
}

/** Holds of a row whose target column, in its own text form, is one of these. */
export interface ConditionPlan {
  readonly column: string;
  readonly in: readonly string[];
}

/** Two target columns of a row that have to be equal where both hold a value; what differs is `not-allowed`. */
export interface EqualPlan {
  readonly column: string;
  readonly to: string;
  readonly when: ConditionPlan;
}

export interface OwnerPlan {
  /** Source column. */
  readonly column: string;
  /** As text; a row whose column holds one of these is this license's. */
  readonly values: readonly string[];
}

export interface ColumnPlan {
  /** The source column; null for one that the file doesn't have: its value is `whenNull`'s in every row, which isn't counted. */
  readonly source: string | null;
  readonly target: string;
  readonly value: ValueRule;
  /** What becomes of NULL, and of text that means nothing where a number, date or the like is due (`''`). */
  readonly whenNull: WhenNull;
  /** Source text to other text, before the rule: renamed states, for example. Compared to the byte. */
  readonly values?: Readonly<Record<string, string>>;
  /**
   * Regular expression (flag `u`); its first group is the value. What doesn't match is NULL by rule, and is not trouble:
   * for a value that is kept whole in another column as well. Comes after `values`, before the rule.
   */
  readonly pattern?: string;
  /** Characters that are taken out of what the pattern found: the spaces of `2 800`. */
  readonly strip?: string;
  /**
   * The only values that the target takes, in its own text form. Unless '' is one of them, text that is empty means
   * nothing here (`whenNull`).
   */
  readonly oneOf?: readonly string[];
  /** Limits of numbers that the target's checks set, inclusive, as decimal text. */
  readonly least?: string;
  readonly most?: string;
  /** True of columns whose sums are part of the verification: money and quantities. */
  readonly summed: boolean;
}

export type WhenNull =
  | { readonly kind: "null" }
  /** The target takes no NULL and there is no reading of it. */
  | { readonly kind: "quarantine" }
  /** The target takes no NULL and has a constant default: its text, as PostgreSQL writes it. */
  | { readonly kind: "value"; readonly text: string };

/** How a value of a file becomes a value of PostgreSQL. Every rule writes what PostgreSQL itself would write for it. */
export type ValueRule =
  /** `max` in characters (code points). Longer ones go to quarantine. */
  | { readonly kind: "text"; readonly max: number | null }
  /** Whole numbers in a range, inclusive; bounds as decimal text, since they may pass 2^53. */
  | { readonly kind: "integer"; readonly min: string; readonly max: string }
  /** `numeric(precision, scale)`: noise of binary doubles goes, anything more that would be lost is quarantined. */
  | { readonly kind: "decimal"; readonly precision: number; readonly scale: number }
  | { readonly kind: "boolean" }
  | { readonly kind: "date" }
  | { readonly kind: "time" }
  /** `timestamptz`. `zone`: IANA name that times without one are in. */
  | { readonly kind: "timestamp"; readonly zone: string }
  | { readonly kind: "uuid" }
  /** `jsonb`; text that is no JSON document becomes a JSON string. Always a JSON string with `asString`. */
  | { readonly kind: "json"; readonly asString: boolean }
  | { readonly kind: "bytes" }
  /** Whatever it is, as text: for tables and columns that the blueprint doesn't know. Blobs as `\x…`. */
  | { readonly kind: "anything" };

/** Why a row went to quarantine. */
export const QUARANTINE_CODES = [
  /** No reading of the value fits the column's type: text where a number is due. */
  "not-readable",
  /** A number, date or time outside what the column can hold, NaN, infinity. */
  "out-of-range",
  /** More decimals than the column keeps, beyond the noise of a double. */
  "not-exact",
  /** Text longer than its column. */
  "too-long",
  /** Text that holds NUL. */
  "nul-in-text",
  /** Text that isn't UTF-8. */
  "not-utf8",
  /** NULL, or nothing that means a value, where there has to be one. */
  "missing",
  /** Not one of the values that the column takes. */
  "not-allowed",
  /** Another row has the same value, and only one may. */
  "duplicate",
  /** Points at a row that isn't there. */
  "orphan",
  /** Points at a row that is in quarantine itself. */
  "depends",
  /** Belongs to another license than the file it lies in. */
  "other-license",
  /** PostgreSQL refused it, for a rule that isn't in the plan. */
  "refused",
] as const;
export type QuarantineCode = (typeof QUARANTINE_CODES)[number];

/** A value of SQLite in JSON. Integers beyond 2^53 and blobs can't be told otherwise; text that isn't UTF-8 is a blob. */
export type LegacyValue =
  | null
  | string
  | number
  | { readonly integer: string }
  /** `NaN` can't be: SQLite stores NULL for it. `Infinity` and `-Infinity`. */
  | { readonly real: string }
  /** Base64. */
  | { readonly bytes: string }
  /** Base64 of text that isn't UTF-8 or holds NUL. */
  | { readonly text: string };

/** A row that couldn't be imported, as it was. */
export interface QuarantinedRow {
  readonly table: string;
  readonly target: string;
  /** The row's id in the file: its rowid, or its place in the table when it has none. */
  readonly rowId: string;
  /** The source column that is the trouble. */
  readonly column: string;
  readonly code: QuarantineCode;
  /** A sentence for people. Quotes no value. */
  readonly reason: string;
  /** Every column but secrets, by its name. */
  readonly row: Readonly<Record<string, LegacyValue>>;
}

/** What a conversion changed, by kind; a value that only changed its form, not its meaning. */
export const CONVERSION_KINDS = [
  "empty-to-null",
  "null-to-default",
  "noise-removed",
  "text-to-number",
  "number-to-text",
  "date-only",
  "whole-seconds",
  "zone-applied",
  "time-completed",
  "value-renamed",
  "pattern-unmatched",
  "json-string",
] as const;
export type ConversionKind = (typeof CONVERSION_KINDS)[number];

/** What the reader has to say of a table that it has read to its end. */
export interface TableFigures {
  readonly source: string;
  readonly target: string;
  readonly read: number;
  readonly copied: number;
  readonly quarantined: number;
  /** `<target column>` → kind → how often. */
  readonly converted: Readonly<Record<string, Partial<Record<ConversionKind, number>>>>;
  /** See `checksumOf`. */
  readonly checksum: string;
  /** Of the summed columns: exact decimal text with the column's scale; "0" with that scale for none. */
  readonly sums: Readonly<Record<string, string>>;
}

/** What a reader tells, in this order: for each table of the plan rows and quarantined rows in any order, then its end. */
export type ImportEvent =
  | {
      readonly kind: "rows";
      /** Index in the plan's tables. */
      readonly table: number;
      /** Whole lines of COPY's text format: the plan's columns in their order. */
      readonly text: Buffer;
      readonly rows: number;
      /** The rows' ids, as in `QuarantinedRow.rowId`: line 1 is the first. */
      readonly rowIds: readonly string[];
    }
  | { readonly kind: "quarantined"; readonly table: number; readonly row: QuarantinedRow }
  | { readonly kind: "table-end"; readonly table: number; readonly figures: TableFigures };

/** A row that PostgreSQL has refused in an earlier try: the reader puts it into quarantine. */
export interface RefusedRow {
  readonly table: number;
  readonly rowId: string;
  readonly column: string;
  readonly reason: string;
}

/** Opens the stream of a plan; each try gets a new one, from the beginning. Ending the iteration stops the reader. */
export type OpenImport = (refused: readonly RefusedRow[]) => AsyncIterable<ImportEvent>;

/**
 * The checksum of a table, whatever the order of its rows: the sum, over all rows, of the first eight bytes of the
 * SHA-256 of the row's text, as a signed big-endian number. The row's text is its columns in the plan's order, each as
 * PostgreSQL casts it to text (times in UTC), with U+001F between them and U+001E for NULL. As decimal text.
 */
export const CHECKSUM_SEPARATOR = "\u001f";
export const CHECKSUM_NULL = "\u001e";
