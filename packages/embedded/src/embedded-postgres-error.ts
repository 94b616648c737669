export type EmbeddedPostgresErrorCode =
  | "EMBEDDED_UNSUPPORTED_PLATFORM"
  | "EMBEDDED_NO_UNPRIVILEGED_USER"
  | "EMBEDDED_DATA_DIR_UNUSABLE"
  | "EMBEDDED_RUNTIME_FAILED"
  | "EMBEDDED_LOCK_TIMEOUT"
  | "EMBEDDED_INITDB_FAILED"
  | "EMBEDDED_CREDENTIALS_MISSING"
  | "EMBEDDED_DURABILITY_MISMATCH"
  | "EMBEDDED_START_FAILED"
  | "EMBEDDED_STOP_FAILED";

/** What went wrong with the embedded server, with a remedy. Its message and hint never hold the password. */
export class EmbeddedPostgresError extends Error {
  override readonly name = "EmbeddedPostgresError";
  readonly code: EmbeddedPostgresErrorCode;
  /** What the person who started it can do about it. */
  readonly hint: string;

  constructor(code: EmbeddedPostgresErrorCode, message: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}
