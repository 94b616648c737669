/** A schema holds what a snapshot can't take with it. Nothing was given to the sink. */
export class SnapshotUnsupportedError extends Error {
  override readonly name = "SnapshotUnsupportedError";
  /** As people read it: kind and name. */
  readonly objects: readonly string[];

  constructor(schema: string, objects: readonly string[]) {
    super(`schema ${schema} holds what a snapshot can't take: ${objects.join(", ")}`);
    this.objects = objects;
  }
}

/** The schema isn't there, or changed its tables each time that they were about to be locked. */
export class SnapshotNotPossibleError extends Error {
  override readonly name = "SnapshotNotPossibleError";
  readonly reason: "no-schema" | "keeps-changing";

  constructor(schema: string, reason: "no-schema" | "keeps-changing") {
    super(reason === "no-schema" ? `there is no schema ${schema}` : `schema ${schema} keeps changing`);
    this.reason = reason;
  }
}

/** PostgreSQL can't print a table's rows: a value that is too large as text, or damaged. */
export class SnapshotReadError extends Error {
  override readonly name = "SnapshotReadError";
  readonly table: string;

  constructor(table: string, cause: unknown) {
    super(`the rows of ${table} can't be read`, { cause });
    this.table = table;
  }
}

/** PostgreSQL refused a statement or rows of a snapshot. Nothing was left of the load. */
export class SnapshotLoadError extends Error {
  override readonly name = "SnapshotLoadError";
  /** What was being loaded: "tables", "rows of users", "keys and indexes", "sequences". */
  readonly part: string;

  constructor(part: string, cause: unknown) {
    super(`the snapshot's ${part} can't be loaded`, { cause });
    this.part = part;
  }
}

/** What was loaded isn't what the snapshot says. Nothing was left of the load. */
export class SnapshotMismatchError extends Error {
  override readonly name = "SnapshotMismatchError";
  /** What differs: "rows of users", "content of users", "sequence users_id_seq", "definition". */
  readonly what: string;
  readonly expected: string;
  readonly found: string;

  constructor(what: string, expected: string, found: string) {
    super(`${what}: the snapshot says ${expected}, loaded was ${found}`);
    this.what = what;
    this.expected = expected;
    this.found = found;
  }
}

/** The schema to be replaced is somebody else's. The transaction must be rolled back. */
export class SwapRefusedError extends Error {
  override readonly name = "SwapRefusedError";

  constructor(schema: string) {
    super(`schema ${schema} doesn't belong to the tenant`);
  }
}

/** A schema's ledger holds migrations that this process's blueprint doesn't. */
export class UnknownMigrationsError extends Error {
  override readonly name = "UnknownMigrationsError";
  readonly migrations: readonly string[];

  constructor(schema: string, migrations: readonly string[]) {
    super(`schema ${schema} holds migrations that this build doesn't know: ${migrations.join(", ")}`);
    this.migrations = migrations;
  }
}
