import type { FastifyRequest } from "fastify";
import { TenancyError } from "../errors.ts";

/** What a request shows of whom it speaks for. */
export interface Credentials {
  readonly sessionToken: string | null;
  readonly licenseKey: string | null;
}

/** `ts_` and 32 bytes in base64url, as sign-in gives them. */
const SESSION_TOKEN = /^ts_[\w-]{43}$/;
/** Keys that Tenantry gave, and older ones of other shapes. */
const LICENSE_KEY = /^[\w-]{1,64}$/;

/**
 * Reads `Authorization: Bearer …`, which holds a session's token or a license key, and `X-License-Key`.
 *
 * @throws TenancyError UNAUTHENTICATED for anything else in them, and for two keys that differ.
 */
export function readCredentials(request: FastifyRequest): Credentials {
  const bearer = readBearer(request.headers.authorization);
  const sessionToken = bearer?.startsWith("ts_") ? bearer : null;
  if (sessionToken !== null && !SESSION_TOKEN.test(sessionToken)) throw unauthenticated(MALFORMED);
  const keys = [sessionToken === null ? bearer : null, request.headers["x-license-key"]]
    .filter((key) => key !== null && key !== undefined)
    .map((key) => String(key).trim().toUpperCase());
  if (keys.some((key) => !LICENSE_KEY.test(key))) throw unauthenticated(MALFORMED);
  if (new Set(keys).size > 1) throw contradiction();
  return { sessionToken, licenseKey: keys[0] ?? null };
}

const MALFORMED = "The credentials are neither a session's token nor a license key.";

function readBearer(header: string | undefined): string | null {
  if (header === undefined) return null;
  const value = /^Bearer +(\S+) *$/i.exec(header)?.[1];
  if (value === undefined) throw unauthenticated(MALFORMED);
  return value;
}

/** Whoever names two licenses is told so: to pick one would be to guess whose data was meant. */
export function contradiction(): TenancyError {
  return unauthenticated("The credentials name two licenses.");
}

export function unauthenticated(
  detail: string,
  hint = "Sign in again, and send `Authorization: Bearer <token>`.",
): TenancyError {
  return new TenancyError("UNAUTHENTICATED", detail, { hint });
}
