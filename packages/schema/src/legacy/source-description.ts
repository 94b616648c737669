/** What a legacy SQLite file holds, as its reader found it. */
export interface SourceDescription {
  /** Hex, over the file and, if there is one, its write-ahead log. */
  readonly sha256: string;
  readonly bytes: number;
  readonly tables: readonly SourceTable[];
  /** Views, triggers and virtual tables: never read. */
  readonly leftOut: readonly { readonly name: string; readonly kind: "view" | "trigger" | "virtual" }[];
}

export interface SourceTable {
  readonly name: string;
  readonly columns: readonly SourceColumn[];
  /** Sets of columns that the file holds unique, compared byte by byte; its primary key among them. */
  readonly unique: readonly (readonly string[])[];
  readonly rows: number;
}

export interface SourceColumn {
  readonly name: string;
  /** As declared; "" for none. */
  readonly type: string;
}

/** Why a legacy source can't be read. */
export type SourceErrorCode =
  | "SOURCE_NOT_FOUND"
  /** Missing rights, corrupt, truncated, empty, no SQLite at all, too large, changed meanwhile, too slow. */
  | "SOURCE_INVALID"
  /** Somebody is writing it. */
  | "SOURCE_BUSY"
  /** The process that read it ended in the middle: no fault of the file's as far as anybody knows. */
  | "READER_LOST";

export class SourceError extends Error {
  override readonly name = "SourceError";
  readonly code: SourceErrorCode;
  /** Relative to the source. */
  readonly file: string;

  constructor(code: SourceErrorCode, file: string, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.code = code;
    this.file = file;
  }
}
