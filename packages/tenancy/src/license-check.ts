import { isIP } from "node:net";
import { quoteIdentifier } from "@tenantry/schema";
import { sql } from "kysely";
import { DEFAULT_PLACEMENT, type TenancyContext } from "./context.ts";
import { TenancyError } from "./errors.ts";
import { normalizeLicenseKey } from "./license-key.ts";
import type { LicenseStatus } from "./license-status.ts";
import { placementOf } from "./placement.ts";

/** Whether a license may be used right now. */
export interface LicenseCheck {
  readonly valid: boolean;
  readonly status: LicenseStatus;
  /** Why it isn't valid; null when it is. */
  readonly reason: string | null;
  /** Days until it ends, begun ones counted whole; 0 when it has ended, null when it never does. */
  readonly daysRemaining: number | null;
  readonly users: {
    /** Active users in the tenant; null while it isn't ready, or when its blueprint has no sign-in. */
    readonly used: number | null;
    readonly max: number;
  };
}

/** Who asks, for the record. */
export interface CheckOrigin {
  readonly ip: string | null;
  readonly apiKeyId: string | null;
}

interface CheckRow {
  readonly valid: boolean;
  readonly status: LicenseStatus;
  readonly reason: string | null;
  readonly days_remaining: number | null;
  /** bigint comes as text. */
  readonly users_used: string | null;
  readonly users_max: number;
}

/**
 * Checks a license and records that it was checked, all in one statement: applications ask this often.
 *
 * @throws TenancyError LICENSE_NOT_FOUND
 */
export async function checkLicense(
  ctx: TenancyContext,
  key: string,
  { ip, apiKeyId }: CheckOrigin,
): Promise<LicenseCheck> {
  const withUsers = [...ctx.blueprints.values()].flatMap(({ blueprint }) =>
    blueprint.signIn ? [blueprint.name] : [],
  );
  const { rows } = await sql<CheckRow>`
    select * from tenantry.check_license(
      ${normalizeLicenseKey(key)}, ${storable(ip)}::inet, ${apiKeyId}::uuid, ${withUsers}::text[]
    )`.execute(ctx.control);
  const [row] = rows;
  if (row === undefined) throw new TenancyError("LICENSE_NOT_FOUND", "There is no license with that key.");
  return {
    valid: row.valid,
    status: row.status,
    reason: row.reason,
    daysRemaining: row.days_remaining,
    users: {
      used: row.users_used === null ? await countElsewhere(ctx, key, withUsers) : Number(row.users_used),
      max: row.users_max,
    },
  };
}

/** The users of a tenant that lives on another server than the control schema. */
async function countElsewhere(
  ctx: TenancyContext,
  key: string,
  withUsers: readonly string[],
): Promise<number | null> {
  if (withUsers.length === 0) return null;
  const tenant = await ctx.control
    .selectFrom("tenants")
    .innerJoin("licenses", "licenses.id", "tenants.license_id")
    .select(["tenants.placement", "tenants.schema_name"])
    .where("licenses.key", "=", normalizeLicenseKey(key))
    .where("tenants.state", "=", "ready")
    .where("tenants.placement", "!=", DEFAULT_PLACEMENT)
    .where("tenants.blueprint", "in", withUsers)
    .executeTakeFirst();
  if (tenant === undefined) return null;
  try {
    const { provisioning } = await placementOf(ctx, tenant);
    const { rows } = await provisioning.query<{ used: number }>(
      `SELECT count(*)::integer AS used FROM ${quoteIdentifier(tenant.schema_name)}.users WHERE is_active IS NOT FALSE`,
    );
    return rows[0]?.used ?? null;
  } catch (error) {
    // The license can be told all the same: its server is the doctor's business.
    ctx.log.warn({ err: error, placement: tenant.placement }, "a tenant's users couldn't be counted");
    return null;
  }
}

/** An address as PostgreSQL takes it: a proxy may have passed on anything, and a zone (`%eth0`) means nothing here. */
function storable(ip: string | null): string | null {
  const address = ip?.split("%", 1)[0] ?? "";
  return isIP(address) === 0 ? null : address;
}

/** Checks older than this are forgotten: a year can be looked back on, and some weeks more. */
export const KEEP_CHECKS_DAYS = 400;
const FORGET_AT_ONCE = 10_000;

/** Removes old checks. Called now and then by a worker. */
export async function forgetOldChecks(ctx: TenancyContext): Promise<void> {
  for (;;) {
    // The oldest have the lowest ids, so the primary key finds them without an index of their times.
    const { numDeletedRows } = await ctx.control
      .deleteFrom("license_checks")
      .where("id", "in", (eb) =>
        eb.selectFrom("license_checks").select("id").orderBy("id").limit(FORGET_AT_ONCE),
      )
      .where("at", "<", sql<Date>`now() - ${KEEP_CHECKS_DAYS} * interval '1 day'`)
      .executeTakeFirst();
    if (numDeletedRows < BigInt(FORGET_AT_ONCE)) return;
  }
}
