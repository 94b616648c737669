import { type Kysely, sql } from "kysely";
import type { TenancyContext } from "./context.ts";
import { TenancyError } from "./errors.ts";
import { type License, type Tenant, toLicense, toTenant } from "./license-view.ts";
import { hashToken } from "./secret-token.ts";
import { assertUsable } from "./sign-in.ts";
import { type TenantUser, toTenantUser, type UsersTable, userColumns } from "./tenant-user.ts";
import { withTenant } from "./with-tenant.ts";

export interface Session {
  readonly license: License;
  readonly tenant: Tenant;
  readonly user: TenantUser;
}

/**
 * Who a session's token speaks for, read afresh: the license's status and the user's row count as they are now.
 *
 * @throws TenancyError UNAUTHENTICATED for a token that isn't a live session's; LICENSE_INACTIVE, LICENSE_SUSPENDED,
 * LICENSE_EXPIRED; TENANT_NOT_READY.
 */
export async function getSession(ctx: TenancyContext, token: string): Promise<Session> {
  const session = await ctx.control
    .selectFrom("sessions")
    .select(["license_id", "user_id"])
    .where("token_hash", "=", hashToken(token))
    .where("expires_at", ">", sql<Date>`now()`)
    .executeTakeFirst();
  if (session === undefined) throw unauthenticated();
  const [license, tenant] = await Promise.all([
    ctx.control
      .selectFrom("licenses")
      .selectAll()
      .where("id", "=", session.license_id)
      .executeTakeFirstOrThrow(),
    ctx.control
      .selectFrom("tenants")
      .selectAll()
      .where("license_id", "=", session.license_id)
      .executeTakeFirstOrThrow(),
  ]);
  assertUsable(license);
  const user = await withTenant(ctx, tenant, (db: Kysely<UsersTable>) =>
    db.selectFrom("users").select(userColumns).where("id", "=", session.user_id).executeTakeFirst(),
  );
  if (user?.is_active !== true) throw unauthenticated();
  return { license: toLicense(license, new Date()), tenant: toTenant(tenant), user: toTenantUser(user) };
}

/**
 * Ends a session.
 *
 * @throws TenancyError UNAUTHENTICATED when there is none.
 */
export async function endSession(ctx: TenancyContext, token: string): Promise<void> {
  const ended = await ctx.control
    .deleteFrom("sessions")
    .where("token_hash", "=", hashToken(token))
    .where("expires_at", ">", sql<Date>`now()`)
    .executeTakeFirst();
  if (ended.numDeletedRows === 0n) throw unauthenticated();
}

function unauthenticated(): TenancyError {
  return new TenancyError("UNAUTHENTICATED", "The session's token is missing, unknown or has ended.", {
    hint: "Sign in again with POST /v1/sessions.",
  });
}
