import type { TenancyContext } from "./context.ts";

/** What Redis has to know of a tenant: a row of `tenants` will do. */
export interface RedisTenantRef {
  readonly role_name: string;
}

/**
 * What all of a tenant's keys and channels begin with. The role's name is no other tenant's on the server, nor another
 * installation's, and holds no colon: so no tenant's prefix begins another's.
 */
export function tenantKeyPrefix(tenant: RedisTenantRef): string {
  return `${tenant.role_name}:`;
}

/**
 * Makes or mends the tenant's own ACL user, if the installation has a Redis and that Redis allows it. Idempotent.
 *
 * @throws TenancyError UNAVAILABLE, retryable, while Redis is away; TENANT_NOT_READY for one that is being deleted.
 */
export async function ensureTenantRedis(ctx: TenancyContext, tenant: RedisTenantRef): Promise<void> {
  await ctx.redis?.makeUser(tenant);
}

/**
 * Removes what the tenant has in Redis: its ACL user, that user's connections, and every key with its prefix. To be
 * called when the tenant is `deleting`: from then on nobody makes the user again. Idempotent; nothing to do without Redis.
 *
 * @throws TenancyError UNAVAILABLE, retryable, while Redis is away.
 */
export async function removeTenantRedis(ctx: TenancyContext, tenant: RedisTenantRef): Promise<void> {
  await ctx.redis?.remove(tenant);
}
