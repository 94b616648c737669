import { asUnavailable, type Fault, TenancyError, validationError } from "@tenantry/tenancy";

export const MAX_BODY_BYTES = 1_048_576;

/** What Fastify itself refuses, by its error codes; https://fastify.dev/docs/latest/Reference/Errors/ */
const BODY_TOO_LARGE = "FST_ERR_CTP_BODY_TOO_LARGE";
const FASTIFY_FAULTS: Readonly<Record<string, Fault>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: { pointer: "/headers/content-type", detail: "must be application/json" },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    pointer: "/headers/content-length",
    detail: "disagrees with the length of the body",
  },
  FST_ERR_BAD_URL: { pointer: "", detail: "the path holds a broken percent-encoding" },
  FST_ERR_MAX_PARAM_LENGTH: { pointer: "", detail: "the path holds a part that is too long" },
};

/**
 * Any error as one that has a code. What isn't expected becomes INTERNAL, which says nothing of the inside.
 *
 * @param bodyLimit Of the route that was asked for, in bytes.
 */
export function asTenancyError(error: unknown, bodyLimit = MAX_BODY_BYTES): TenancyError {
  if (error instanceof TenancyError) return error;
  const code = property(error, "code");
  if (isBodyTooLarge(error)) {
    return validationError([{ pointer: "", detail: `must have at most ${bodyLimit} bytes` }]);
  }
  const fault = typeof code === "string" ? FASTIFY_FAULTS[code] : undefined;
  if (fault !== undefined) return validationError([fault]);
  const unavailable = asUnavailable(error);
  if (unavailable !== undefined) return unavailable;
  if (isRefusal(error)) {
    return validationError([{ pointer: "", detail: "the request can't be read" }]);
  }
  return new TenancyError("INTERNAL", "Something unexpected went wrong.", { cause: error });
}

/** True when a body was refused for its size, perhaps before all of it had come. */
export function isBodyTooLarge(error: unknown): boolean {
  return property(error, "code") === BODY_TOO_LARGE;
}

/** Fastify and its plugins mark a caller's mistake with a status from 400 to 499. */
function isRefusal(error: unknown): boolean {
  const status = property(error, "statusCode");
  return typeof status === "number" && status >= 400 && status < 500;
}

function property(error: unknown, name: string): unknown {
  return error instanceof Error ? Reflect.get(error, name) : undefined;
}
