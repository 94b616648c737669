import type { RateLimitOptions } from "@fastify/rate-limit";
import { TenancyError } from "@tenantry/tenancy";

/** A limit for one route: so many requests a minute from one IP address. */
export function rateLimit(max: number): RateLimitOptions {
  return {
    max,
    timeWindow: 60_000,
    errorResponseBuilder: (_request, { ttl }) =>
      new TenancyError("RATE_LIMITED", `More than ${max} requests in a minute.`, {
        retryAfterSeconds: Math.max(1, Math.ceil(ttl / 1_000)),
      }),
  };
}
