/** One table of a snapshot. Its place in the list is its number. */
export interface SnapshotTable {
  readonly name: string;
  /** In the order of the rows' fields: those that can be given, so none that PostgreSQL generates. */
  readonly columns: readonly string[];
}

/** What is known of a snapshot before its first row: a schema as it is, whatever its blueprint says. */
export interface SnapshotContents {
  /** The schema's name where it was taken. No statement depends on it: names come bare. */
  readonly schema: string;
  /** `server_version_num` of the server that it was taken from. */
  readonly server: number;
  /** `pg_current_snapshot()` as text, for people. */
  readonly snapshot: string;
  /** ISO 8601, UTC: the transaction's time. */
  readonly takenAt: string;
  /** Names of the blueprint's migrations that the schema's own ledger holds; empty for the control schema. */
  readonly ledger: readonly string[];
  /** The order that their rows are sent in. */
  readonly tables: readonly SnapshotTable[];
  /** SQL, every statement ended by `;\n`: all that rows go into, and nothing that they would be checked by one by one. */
  readonly before: string;
  /** SQL for when the rows are there: keys, indexes, checks, triggers, views, comments, rights. */
  readonly after: string;
  /** SHA-256, hex, of the schema's structure: equal for two schemas that differ in name alone. */
  readonly fingerprint: string;
}

/** What a table's rows came to. */
export interface SnapshotRows {
  readonly rows: number;
  /** Of the COPY text. */
  readonly bytes: number;
  /** Of the COPY text, hex. A restored table that is copied out again gives the same. */
  readonly sha256: string;
}

export interface SnapshotSequence {
  readonly name: string;
  /** As PostgreSQL prints it. */
  readonly lastValue: string;
  readonly isCalled: boolean;
}

/** What is known of a snapshot when its last row was read. */
export interface SnapshotFigures {
  /** By the tables' numbers. */
  readonly tables: readonly SnapshotRows[];
  readonly sequences: readonly SnapshotSequence[];
}

/** Takes a snapshot to where it is kept, in this order. Each is waited for, so a slow store holds PostgreSQL up. */
export interface SnapshotSink {
  readonly begin: (contents: SnapshotContents) => Promise<void>;
  /** COPY text, tables in order; chunks break anywhere. The chunk is the sink's own from then on. */
  readonly rows: (table: number, chunk: Buffer) => Promise<void>;
  readonly end: (figures: SnapshotFigures) => Promise<void>;
}

/** A snapshot that is kept somewhere, known to be whole and genuine. */
export interface SnapshotSource {
  readonly contents: SnapshotContents;
  readonly figures: SnapshotFigures;
  /** The rows in the tables' order, to be read once. */
  readonly rows: () => AsyncIterable<SnapshotChunk>;
}

export interface SnapshotChunk {
  readonly table: number;
  readonly chunk: Buffer;
}
