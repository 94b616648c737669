/** Every trouble that Tenantry expects, with what to do about it. The codes are part of the outside contract. */
export const REMEDIES = {
  VALIDATION_FAILED: "Correct the fields listed in `errors` and send the request again.",
  UNAUTHENTICATED: "Send `Authorization: Bearer <api key>`; `tenantry api-key create` makes one.",
  FORBIDDEN: "Use an API key that has the scope named in `detail`.",
  LICENSE_NOT_FOUND: "Check the license key; `tenantry license list` shows those that exist.",
  OPERATION_NOT_FOUND: "Check the operation's id; `tenantry operation list` shows the latest.",
  TENANT_NOT_FOUND: "Run `tenantry doctor <license key>`.",
  API_KEY_NOT_FOUND: "Check the id; `tenantry api-key list` shows those that exist.",
  ROUTE_NOT_FOUND: "See /docs for the routes that exist.",
  TENANT_NOT_READY: "Look at the tenant's operation: `tenantry operation list`.",
  STATE_CONFLICT: "Fetch the current state first; the request does not fit it.",
  INVALID_CREDENTIALS: "Check license key, username and password.",
  LICENSE_SUSPENDED:
    "Ask the provider why it is suspended; the provider resumes it with `tenantry license resume KEY`.",
  LICENSE_EXPIRED: "Ask the provider to extend it: `tenantry license extend KEY --days N`.",
  LICENSE_INACTIVE: "Ask the provider to activate it: `tenantry license activate KEY`.",
  ACCOUNT_LOCKED: "Wait until the time in `detail`, then sign in with the right password.",
  USER_LIMIT_REACHED: "Deactivate a user, or raise the license's `maxUsers`.",
  BRANCH_LIMIT_REACHED: "Deactivate a branch, or raise the license's `maxBranches`.",
  IDEMPOTENCY_KEY_REUSED:
    "Use a new Idempotency-Key for a new request; repeat the old body to repeat the old request.",
  RATE_LIMITED: "Wait as long as `Retry-After` says.",
  UNAVAILABLE: "Send the request again in a few seconds, under the same Idempotency-Key if it had one.",
  SCHEMA_TAKEN:
    "A schema of that name exists and belongs to somebody else. Move or rename it, then run `tenantry operation retry`.",
  ROLE_TAKEN:
    "A role of that name exists and belongs to somebody else. Rename it, then run `tenantry operation retry`.",
  PROVISIONING_FAILED: "Read the operation's error, mend its cause, then run `tenantry operation retry`.",
  STATEMENT_REFUSED:
    "A transaction of a tenant takes statements on its own tables only: see docs/security.md for what it refuses, and why.",
  BACKUP_FAILED:
    "Nothing was dropped. Mend what the operation's error says; then run `tenantry operation retry`, or ask again.",
  PLACEMENT_NOT_FOUND: "Check the name; `tenantry placement list` shows those that exist.",
  PLACEMENT_UNAVAILABLE:
    "See that the server can be reached from this machine, and that its login has what docs/configuration.md asks for.",
  BACKUP_NOT_FOUND: "Check the id; `tenantry backup list` shows those that exist.",
  KEPT_SCHEMA_NOT_FOUND: "Check the id; `tenantry backup kept list` shows those that are kept.",
  BACKUP_CORRUPT: "Use another backup: `tenantry backup list`.",
  BACKUP_TOO_NEW: "Use the version of Tenantry that made the backup, or a later one.",
  BACKUP_KEY_MISSING: "Start Tenantry with the BACKUP_KEY that the backup was made under.",
  BACKUP_NOT_TRUSTED:
    "Only what was signed under this installation's BACKUP_KEY is taken in: export it again from an installation that has the same key.",
  STORE_UNAVAILABLE:
    "See that what BACKUP_URL names is there, lets us in and has room; then run `tenantry operation retry`.",
  RESTORE_FAILED:
    "Nothing that is in use was changed. Read the operation's error; mend its cause or use another backup.",
  DELETION_FAILED: "Read the operation's error, mend its cause, then run `tenantry operation retry`.",
  SOURCE_NOT_FOUND:
    "Check the path: over HTTP it is relative to LEGACY_DIR, and nothing outside that folder is read, also not through a link.",
  SOURCE_INVALID:
    "See in `detail` what is wrong: let the worker's user read the file, or mend it, then retry the run. After any other change of the source start a new run.",
  SOURCE_BUSY: "Stop the program that writes the file, then run `tenantry operation retry`.",
  READER_LOST:
    "Run `tenantry operation retry`. If it happens again with the same file, look at the machine's memory and at the file.",
  IMPORT_INCOMPLETE:
    "See the rows with `tenantry migrate-legacy quarantine show`; mend the source and start a new run, or run without `strict`.",
  VERIFICATION_FAILED:
    "Nothing was left behind. Run `tenantry operation retry`; if it happens again, report it with the operation's error.",
  BLUEPRINT_UNKNOWN:
    "Start Tenantry with the blueprint that this license was sold with (TENANTRY_BLUEPRINTS, the same for API and workers), then run `tenantry operation retry`.",
  MIGRATION_FAILED:
    "The tenant is whole at the version in `detail`. Mend the cause, then run `tenantry operation retry` on the run, or `tenantry fleet migrate --license KEY`.",
  MIGRATION_BREAKS:
    "Stop the versions of the application that it breaks, then accept it: `--accept-breaking`, or `acceptBreaking` over HTTP.",
  TENANT_BUSY:
    "Somebody holds the tenant's tables, or something else is done with it. When that has ended, run `tenantry operation retry` on the run.",
  TENANT_NEWER: "Start the Tenantry, and the blueprints, that upgraded it, or later ones.",
  INTERNAL: "Look for the request's id in the log; if it happens again, report it.",
} as const;

export type ErrorCode = keyof typeof REMEDIES;

/** One fault of a request: where (a JSON Pointer into the body, query or headers) and what. */
export interface Fault {
  readonly pointer: string;
  readonly detail: string;
}

export interface TenancyErrorOptions {
  /** True when the same work may well succeed later without anybody mending anything. */
  readonly retryable?: boolean;
  readonly hint?: string;
  readonly faults?: readonly Fault[];
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/** An expected trouble: a code that doesn't change, a sentence for people, and a remedy. */
export class TenancyError extends Error {
  override readonly name = "TenancyError";
  readonly code: ErrorCode;
  readonly hint: string;
  readonly retryable: boolean;
  readonly faults: readonly Fault[];
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, detail: string, options: TenancyErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? REMEDIES[code];
    this.retryable = options.retryable ?? false;
    this.faults = options.faults ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** Refuses a request for its faults. */
export function validationError(faults: readonly Fault[]): TenancyError {
  const detail =
    faults.length === 1 ? "The request has 1 fault." : `The request has ${faults.length} faults.`;
  return new TenancyError("VALIDATION_FAILED", detail, { faults });
}

/** How an error is kept with an operation. Holds no stack and no statement: those go to the log. */
export interface StoredError {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly hint: string;
  /** Of VALIDATION_FAILED: what was wrong with the request. */
  readonly faults?: readonly Fault[];
}
