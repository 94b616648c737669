import { type TenantState, tenantTransaction } from "@tenantry/schema";
import type { Kysely } from "kysely";
import type { TenancyContext } from "./context.ts";
import { TenancyError } from "./errors.ts";
import { placementOf } from "./placement.ts";

/** What `withTenant` has to know of a tenant: a row of `tenants` will do. */
export interface TenantRef {
  readonly schema_name: string;
  readonly role_name: string;
  readonly placement: string;
  readonly state: TenantState;
}

const STATE_HINTS: Readonly<Record<Exclude<TenantState, "ready">, string>> = {
  provisioning: "It is being made: wait for its create-tenant operation.",
  failed: "Its creation failed: see its operation's error, then run `tenantry operation retry`.",
  deleting: "It is being deleted.",
  deleted: "It was deleted.",
};

/**
 * The only door to a tenant's data: runs `work` in one transaction as the tenant's role, with the tenant's schema as the
 * only one on the path. Commits when `work` returns, rolls back when it throws.
 *
 * @throws TenancyError TENANT_NOT_READY, with a hint that says why; and whatever `work` throws.
 */
export async function withTenant<DB, T>(
  ctx: TenancyContext,
  tenant: TenantRef,
  work: (db: Kysely<DB>) => Promise<T>,
): Promise<T> {
  assertReady(tenant);
  const scope = { schema: tenant.schema_name, role: tenant.role_name };
  return tenantTransaction(placementOf(ctx, tenant).serving, scope, work);
}

/**
 * @throws TenancyError TENANT_NOT_READY
 */
export function assertReady(tenant: Pick<TenantRef, "state">): void {
  if (tenant.state === "ready") return;
  throw new TenancyError("TENANT_NOT_READY", `The tenant is ${tenant.state}.`, {
    hint: STATE_HINTS[tenant.state],
  });
}
