/** SQLSTATEs that Tenantry tells apart. Source: PostgreSQL's "Error Codes" appendix. */
export const SQLSTATE = {
  foreignKeyViolation: "23503",
  uniqueViolation: "23505",
  duplicateSchema: "42P06",
  duplicateObject: "42710",
  undefinedObject: "42704",
  undefinedTable: "42P01",
  undefinedFunction: "42883",
  invalidParameterValue: "22023",
  dependentObjectsStillExist: "2BP01",
  insufficientPrivilege: "42501",
  lockNotAvailable: "55P03",
  queryCanceled: "57014",
  serializationFailure: "40001",
  deadlockDetected: "40P01",
  idleInTransactionTimeout: "25P03",
  diskFull: "53100",
  tooManyConnections: "53300",
} as const;

/** The SQLSTATE of an error from PostgreSQL, or undefined for any other error. */
export function sqlState(error: unknown): string | undefined {
  const code = property(error, "code");
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** The name of the constraint that an error from PostgreSQL is about. */
export function violatedConstraint(error: unknown): string | undefined {
  const constraint = property(error, "constraint");
  return typeof constraint === "string" ? constraint : undefined;
}

/** Socket errors of Node: the server isn't there, or went away in the middle. */
const CONNECTION_ERRNOS = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT",
]);

/** The driver's own words where it gives no code; see pg's client.js and pg-pool's index.js. */
const DRIVER_CONNECTION_MESSAGES = new Set([
  "Connection terminated",
  "Connection terminated unexpectedly",
  "Connection terminated due to connection timeout",
  "timeout exceeded when trying to connect",
  "Client has encountered a connection error and is not queryable",
  "Client was closed and is not queryable",
]);

/** True when PostgreSQL couldn't be reached, is starting up or shutting down, or cut the connection. */
export function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.some(isConnectionLoss);
  const state = sqlState(error);
  // Class 08 is "connection exception"; 57P01 to 57P05 are shutdown, crash, start-up, dropped database, idle session.
  if (state !== undefined && (state.startsWith("08") || state.startsWith("57P"))) return true;
  if (state === SQLSTATE.tooManyConnections) return true;
  const errno = property(error, "code");
  if (typeof errno === "string" && CONNECTION_ERRNOS.has(errno)) return true;
  if (DRIVER_CONNECTION_MESSAGES.has(error.message)) return true;
  return error.cause !== undefined && isConnectionLoss(error.cause);
}

/** True when the same work may well succeed a moment later. */
export function isTransient(error: unknown): boolean {
  const state = sqlState(error);
  return (
    isConnectionLoss(error) ||
    state === SQLSTATE.lockNotAvailable ||
    state === SQLSTATE.queryCanceled ||
    state === SQLSTATE.serializationFailure ||
    state === SQLSTATE.deadlockDetected ||
    state === SQLSTATE.idleInTransactionTimeout ||
    state === SQLSTATE.diskFull
  );
}

function property(error: unknown, name: string): unknown {
  return typeof error === "object" && error !== null ? Reflect.get(error, name) : undefined;
}
