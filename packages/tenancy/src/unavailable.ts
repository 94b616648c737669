import { isTransient } from "@tenantry/schema";
import { TenancyError } from "./errors.ts";

/** Seconds after which PostgreSQL may well be back. */
const RETRY_AFTER_SECONDS = 2;

/** The trouble of a PostgreSQL that is away or busy as one that has a code; undefined for any other error. */
export function asUnavailable(error: unknown): TenancyError | undefined {
  if (!isTransient(error)) return undefined;
  return new TenancyError("UNAVAILABLE", "PostgreSQL is away or too busy.", {
    retryable: true,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    cause: error,
  });
}
