import type { OperationQueues } from "@tenantry/jobs";
import type { OperationWatch, TenancyContext } from "@tenantry/tenancy";
import type { Announcements } from "./announcements.ts";
import type { EqualRequests } from "./equal-requests.ts";
import type { LongRequests } from "./long-requests.ts";

/** Requests a minute from one IP address. */
export interface RateLimits {
  readonly signIn: number;
  readonly opsLogin: number;
}

export interface ApiOptions {
  readonly ctx: TenancyContext;
  readonly queues: OperationQueues;
  readonly watch: OperationWatch;
  /** The dashboard's login. */
  readonly ops: { readonly user: string; readonly passwordHash: string };
  readonly sessionTtlMs: number;
  readonly version: string;
  readonly rateLimits?: Partial<RateLimits>;
  /** Whose `X-Forwarded-*` headers to believe, as Fastify's `trustProxy` takes it. Nobody's unless given. */
  readonly trustProxy?: boolean | string | string[];
}

/** What routes work with. */
export interface Api extends ApiOptions {
  readonly limits: RateLimits;
  readonly announcements: Announcements;
  readonly equalRequests: EqualRequests;
  readonly longRequests: LongRequests;
}

export const DEFAULT_RATE_LIMITS: RateLimits = { signIn: 60, opsLogin: 10 };
