import { type Kysely, sql } from "kysely";
import type { TenancyContext } from "./context.ts";
import type { Reading } from "./fresh-readings.ts";
import type { LicenseRow, TenantRow } from "./license-view.ts";
import { type TenantUser, toTenantUser, type UsersTable, userColumns } from "./tenant-user.ts";
import { type TenantRef, withTenant } from "./with-tenant.ts";

/** What a request for a license is judged by, as it lay in the control schema at one moment. */
export interface Standing {
  readonly license: Omit<LicenseRow, "admin_password_hash">;
  readonly tenant: TenantRef & Pick<TenantRow, "blueprint" | "version">;
}

export interface SessionStanding extends Standing {
  readonly userId: string;
  readonly sessionEndsAt: Date;
}

/** The standing of the license that has this key; null when none has. */
export async function readByKey(ctx: TenancyContext, key: string): Promise<Reading<Standing> | null> {
  const asOf = performance.now();
  const row = await standings(ctx).where("licenses.key", "=", key).executeTakeFirst();
  return row === undefined ? null : { value: toStanding(row), asOf, licenseId: row.id };
}

/** The standing of the live session whose token has this hash; null when there is none. */
export async function readBySession(
  ctx: TenancyContext,
  tokenHash: Buffer,
): Promise<Reading<SessionStanding> | null> {
  const asOf = performance.now();
  const row = await standings(ctx)
    .innerJoin("sessions", "sessions.license_id", "licenses.id")
    .select(["sessions.user_id", "sessions.expires_at as session_ends_at"])
    .where("sessions.token_hash", "=", tokenHash)
    .where("sessions.expires_at", ">", sql<Date>`now()`)
    .executeTakeFirst();
  if (row === undefined) return null;
  const { user_id: userId, session_ends_at: sessionEndsAt, ...rest } = row;
  return { value: { ...toStanding(rest), userId, sessionEndsAt }, asOf, licenseId: row.id };
}

/** The session's user, as the tenant knows him; null when he is switched off or gone. */
export async function readUser(
  ctx: TenancyContext,
  { license, tenant, userId }: SessionStanding,
): Promise<Reading<TenantUser> | null> {
  return withTenant(ctx, tenant, async (db: Kysely<UsersTable>) => {
    // Taken here: waiting for a connection makes nothing older.
    const asOf = performance.now();
    const row = await db.selectFrom("users").select(userColumns).where("id", "=", userId).executeTakeFirst();
    return row?.is_active === true ? { value: toTenantUser(row), asOf, licenseId: license.id } : null;
  });
}

/** License and tenant in one row; where both have a column of a name, the tenant's comes under another. */
function standings(ctx: TenancyContext) {
  return ctx.control
    .selectFrom("licenses")
    .innerJoin("tenants", "tenants.license_id", "licenses.id")
    .selectAll("licenses")
    .select([
      "tenants.blueprint as tenant_blueprint",
      "tenants.version",
      "tenants.schema_name",
      "tenants.role_name",
      "tenants.placement",
      "tenants.state",
      "tenants.ordinal",
    ]);
}

type StandingRow = Awaited<ReturnType<ReturnType<typeof standings>["executeTakeFirstOrThrow"]>>;

function toStanding(row: StandingRow): Standing {
  const { tenant_blueprint, version, schema_name, role_name, placement, state, ordinal, ...rest } = row;
  const { admin_password_hash: _, ...license } = rest;
  return {
    license,
    tenant: { blueprint: tenant_blueprint, version, schema_name, role_name, placement, state, ordinal },
  };
}
