import type { Kysely } from "kysely";
import type { TenancyContext } from "../context.ts";
import { type License, type Tenant, toLicense, toTenant } from "../license-view.ts";
import type { TenantUser } from "../tenant-user.ts";
import { type TenantRef, type WithTenantOptions, withTenant } from "../with-tenant.ts";
import type { Admission } from "./admission.ts";

/**
 * The tables that handlers query, for `request.tenant.db`. Empty here; an application adds its own:
 * `declare module "@tenantry/tenancy/fastify" { interface TenantTables { branches: BranchesTable } }`
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging
export interface TenantTables {}

/** Whom a request speaks for, and the way to its data. */
export interface RequestTenant {
  /** As it was when the request was let in. */
  readonly license: License;
  readonly tenant: Tenant;
  /** Who is signed in; null where a license key was enough. */
  readonly user: TenantUser | null;
  /** For functions that take a tenant, such as `tenantRedis`. */
  readonly ref: TenantRef;
  /**
   * Runs `work` in one transaction on the tenant's own data, as `withTenant` does: committed when it returns, rolled
   * back when it throws. License and session are looked at again before each, so that a request that lasts doesn't
   * outlive them.
   *
   * @throws TenancyError as at the request's beginning; Error once the answer has been sent; whatever `work` throws.
   */
  db<T, DB = TenantTables>(work: (db: Kysely<DB>) => Promise<T>, options?: WithTenantOptions): Promise<T>;
}

/** A request's tenant, and how to close it when the request is over. */
export interface OpenRequestTenant {
  readonly tenant: RequestTenant;
  end(): void;
}

export function openRequestTenant(
  ctx: TenancyContext,
  first: Admission,
  admit: () => Promise<Admission>,
): OpenRequestTenant {
  let ended = false;
  const { license, tenant, user } = first;
  return {
    tenant: {
      license: toLicense(license, new Date()),
      tenant: toTenant(tenant),
      user,
      ref: tenant,
      db: async (work, options) => {
        if (ended) throw new Error("request.tenant.db was called after the request's answer was sent");
        return withTenant(ctx, (await admit()).tenant, work, options);
      },
    },
    end: () => {
      ended = true;
    },
  };
}
