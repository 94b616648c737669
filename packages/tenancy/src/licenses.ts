import type { ControlDatabase, ControlTables } from "@tenantry/schema";
import type { ExpressionBuilder } from "kysely";
import type { TenancyContext } from "./context.ts";
import { TenancyError } from "./errors.ts";
import { normalizeLicenseKey } from "./license-key.ts";
import type { LicenseStatus } from "./license-status.ts";
import { type License, type Tenant, toLicense, toTenant } from "./license-view.ts";
import { type Page, type PageRequest, readCursor, toPage } from "./page.ts";

export interface LicenseFilter {
  readonly status?: LicenseStatus;
  readonly blueprint?: string;
  /** Part of a key, client name, company or e-mail address, in any case. */
  readonly q?: string;
}

/**
 * @throws TenancyError LICENSE_NOT_FOUND
 */
export async function getLicense(
  ctx: TenancyContext,
  key: string,
): Promise<{ license: License; tenant: Tenant }> {
  const licenseRow = await ctx.control
    .selectFrom("licenses")
    .selectAll()
    .where("key", "=", normalizeLicenseKey(key))
    .executeTakeFirst();
  if (licenseRow === undefined) {
    throw new TenancyError("LICENSE_NOT_FOUND", "There is no license with that key.");
  }
  const tenantRow = await ctx.control
    .selectFrom("tenants")
    .selectAll()
    .where("license_id", "=", licenseRow.id)
    .executeTakeFirst();
  if (tenantRow === undefined) {
    throw new TenancyError("TENANT_NOT_FOUND", "The license has no tenant.");
  }
  return { license: toLicense(licenseRow, new Date()), tenant: toTenant(tenantRow) };
}

/** Licenses that fit the filter, newest first. */
export async function listLicenses(
  ctx: TenancyContext,
  filter: LicenseFilter,
  page: PageRequest,
): Promise<Page<License>> {
  const now = new Date();
  let query = filteredLicenses(ctx.control, filter, now)
    .selectAll()
    .orderBy("id", "desc")
    .limit(page.limit + 1);
  if (page.cursor !== undefined) query = query.where("id", "<", readCursor(page.cursor));
  return toPage(await query.execute(), page.limit, (row) => toLicense(row, now));
}

/** How many licenses fit the filter now. */
export async function countLicenses(ctx: TenancyContext, filter: LicenseFilter): Promise<number> {
  const row = await filteredLicenses(ctx.control, filter, new Date())
    .select(({ fn }) => fn.countAll<string>().as("count"))
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** Licenses that fit the filter at this moment. */
export function filteredLicenses(control: ControlDatabase, filter: LicenseFilter, now: Date) {
  let query = control.selectFrom("licenses");
  if (filter.blueprint !== undefined) query = query.where("blueprint", "=", filter.blueprint);
  const { status, q } = filter;
  if (status !== undefined) query = query.where((eb) => hasStatus(eb, status, now));
  if (q !== undefined) {
    const pattern = `%${q.replace(/[\\%_]/g, "\\$&")}%`;
    query = query.where((eb) =>
      eb.or(
        (["key", "client_name", "company", "email"] as const).map((column) => eb(column, "ilike", pattern)),
      ),
    );
  }
  return query;
}

/** `licenseStatus` as a condition; a test holds the two together. */
function hasStatus(eb: ExpressionBuilder<ControlTables, "licenses">, status: LicenseStatus, now: Date) {
  const live = eb("is_active", "=", true);
  const unsuspended = eb("suspended_at", "is", null);
  const ended = eb("expires_at", "<=", now);
  switch (status) {
    case "inactive":
      return eb("is_active", "=", false);
    case "suspended":
      return eb.and([live, eb("suspended_at", "is not", null)]);
    case "expired":
      return eb.and([live, unsuspended, ended]);
    case "active":
      return eb.and([live, unsuspended, eb.or([eb("expires_at", "is", null), eb("expires_at", ">", now)])]);
  }
}
