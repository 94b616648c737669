import type { ErrorCode, Fault, StoredError, TenancyError } from "./errors.ts";

/** RFC 9457, with Tenantry's code and hint. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly code: ErrorCode;
  readonly hint: string;
  readonly errors?: readonly Fault[];
}

export const PROBLEM_TYPE = "application/problem+json";

/** Every code's HTTP status and title: a new code without them doesn't compile. */
const PROBLEMS: Readonly<Record<ErrorCode, readonly [status: number, title: string]>> = {
  VALIDATION_FAILED: [400, "The request is wrong"],
  UNAUTHENTICATED: [401, "Not authenticated"],
  INVALID_CREDENTIALS: [401, "Wrong credentials"],
  FORBIDDEN: [403, "Not allowed"],
  LICENSE_SUSPENDED: [403, "The license is suspended"],
  LICENSE_EXPIRED: [403, "The license has expired"],
  LICENSE_INACTIVE: [403, "The license is not active"],
  LICENSE_NOT_FOUND: [404, "No such license"],
  OPERATION_NOT_FOUND: [404, "No such operation"],
  TENANT_NOT_FOUND: [404, "No such tenant"],
  API_KEY_NOT_FOUND: [404, "No such API key"],
  ROUTE_NOT_FOUND: [404, "No such route"],
  PLACEMENT_NOT_FOUND: [404, "No such placement"],
  BACKUP_NOT_FOUND: [404, "No such backup"],
  KEPT_SCHEMA_NOT_FOUND: [404, "No such kept schema"],
  TENANT_NOT_READY: [409, "The tenant is not ready"],
  STATE_CONFLICT: [409, "Not possible in this state"],
  USER_LIMIT_REACHED: [409, "No more users on this license"],
  BRANCH_LIMIT_REACHED: [409, "No more branches on this license"],
  SCHEMA_TAKEN: [409, "The schema's name is taken"],
  ROLE_TAKEN: [409, "The role's name is taken"],
  MIGRATION_BREAKS: [409, "The migration breaks the application"],
  TENANT_BUSY: [409, "The tenant is in use"],
  TENANT_NEWER: [409, "The tenant is newer than this Tenantry"],
  SOURCE_BUSY: [409, "The source is being written"],
  READER_LOST: [503, "The source's reader was lost"],
  IMPORT_INCOMPLETE: [409, "Not every row could be imported"],
  BACKUP_KEY_MISSING: [409, "The backup's key isn't here"],
  BACKUP_CORRUPT: [422, "The backup is damaged"],
  BACKUP_TOO_NEW: [422, "A later version made the backup"],
  BACKUP_NOT_TRUSTED: [422, "Nobody vouches for the backup"],
  IDEMPOTENCY_KEY_REUSED: [422, "The idempotency key was used for another request"],
  BLUEPRINT_UNKNOWN: [422, "No such blueprint"],
  SOURCE_NOT_FOUND: [422, "No such source"],
  SOURCE_INVALID: [422, "The source can't be read"],
  ACCOUNT_LOCKED: [423, "The account is locked"],
  RATE_LIMITED: [429, "Too many requests"],
  BACKUP_FAILED: [500, "The backup could not be made"],
  RESTORE_FAILED: [500, "The backup could not be restored"],
  DELETION_FAILED: [500, "The tenant could not be dropped"],
  MIGRATION_FAILED: [500, "The tenant could not be upgraded"],
  PROVISIONING_FAILED: [500, "The tenant could not be made"],
  VERIFICATION_FAILED: [500, "The import does not agree with its source"],
  STATEMENT_REFUSED: [500, "The application sent a statement that tenants may not send"],
  INTERNAL: [500, "Unexpected error"],
  STORE_UNAVAILABLE: [503, "The backups' store is not available"],
  PLACEMENT_UNAVAILABLE: [503, "The placement is not available"],
  UNAVAILABLE: [503, "Not available right now"],
};

/** The HTTP status of an error code. */
export function statusOf(code: ErrorCode): number {
  return PROBLEMS[code][0];
}

/** How a refused request is told. `instance` is the path that was asked for. */
export function toProblem(error: TenancyError, instance: string): Problem {
  const { code, hint, faults } = error;
  return describeError(
    { code, hint, detail: error.message, ...(code === "VALIDATION_FAILED" ? { faults } : {}) },
    instance,
  );
}

/** How the error that an operation ended with is told. */
export function describeError(error: StoredError, instance: string): Problem {
  // A newer Tenantry may have stored a code that this one doesn't know.
  const [status, title] = PROBLEMS[error.code] ?? PROBLEMS.INTERNAL;
  return {
    type: `urn:tenantry:problem:${error.code}`,
    title,
    status,
    detail: error.detail,
    instance,
    code: error.code,
    hint: error.hint,
    ...(error.faults === undefined ? {} : { errors: error.faults }),
  };
}
