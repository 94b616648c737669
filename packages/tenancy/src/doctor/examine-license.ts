import type { TenancyContext } from "../context.ts";
import type { Caller } from "../idempotency.ts";
import { normalizeLicenseKey } from "../license-key.ts";
import { licenseStatus } from "../license-status.ts";
import type { LicenseRow, TenantRow } from "../license-view.ts";
import { checkLimits } from "./check-limits.ts";
import type { Announce } from "./check-operations.ts";
import { checkRole } from "./check-role.ts";
import { checkSchema, checkTables, checkVersion } from "./check-schema.ts";
import { checkLockout, checkSignIn } from "./check-sign-in.ts";
import { checkTenant } from "./check-tenant.ts";
import { type Finding, ok, problem } from "./finding.ts";
import { reachPlacement } from "./reach-placement.ts";

export interface LicenseExamination {
  readonly licenseKey: string;
  /** Whose sign-in to look at; null for the administrators. */
  readonly username: string | null;
  readonly caller: Caller;
  readonly announce: Announce;
}

/** Looks one license over, from the record to the rows. Later checks are left out where an earlier one leaves them no ground. */
export async function examineLicense(ctx: TenancyContext, input: LicenseExamination): Promise<Finding[]> {
  const key = normalizeLicenseKey(input.licenseKey);
  const license = await ctx.control
    .selectFrom("licenses")
    .selectAll()
    .where("key", "=", key)
    .executeTakeFirst();
  if (license === undefined) {
    const unknown = problem(
      "license",
      `There is no license ${key}`,
      "Check the key; `tenantry license list` shows those that exist.",
    );
    return input.username === null ? [unknown] : [unknown, await checkLockout(ctx, key, input.username)];
  }
  const tenant = await ctx.control
    .selectFrom("tenants")
    .selectAll()
    .where("license_id", "=", license.id)
    .executeTakeFirst();
  if (tenant === undefined) {
    return [
      checkStatus(license),
      problem("tenant", "The license has no tenant", "Restore its schema from a backup of PostgreSQL."),
    ];
  }
  return [
    tenant.state === "deleted" ? ok("license", `License ${license.key} was deleted`) : checkStatus(license),
    await checkTenant(ctx, tenant, input),
    ...(await examineTenant(ctx, license, tenant, input)),
  ];
}

async function examineTenant(
  ctx: TenancyContext,
  license: LicenseRow,
  tenant: TenantRow,
  { username }: LicenseExamination,
): Promise<Finding[]> {
  const { placement, lost } = await reachPlacement(ctx, tenant.placement);
  if (placement === null) return [lost];
  const schema = await checkSchema(placement, tenant);
  if (schema.severity === "problem" || tenant.state !== "ready") return [schema];
  const role = await checkRole(ctx, placement, tenant);
  const compiled = ctx.blueprints.get(tenant.blueprint);
  if (compiled === undefined) {
    return [
      schema,
      ...role,
      problem(
        "version",
        `This Tenantry has no blueprint ${tenant.blueprint}`,
        "Start Tenantry with the blueprint that the license was sold with.",
      ),
    ];
  }
  const structure = [
    schema,
    await checkVersion(placement, tenant, compiled),
    ...(await checkTables(placement, tenant, compiled)),
    ...role,
  ];
  // Sign-in is looked at through the tenant's own role, so that has to work first.
  const canEnter = structure.every((finding) => finding.severity === "ok" || finding.check === "version");
  if (!canEnter) return structure;
  const limits = await checkLimits(ctx, placement, { license, tenant, compiled });
  if (!compiled.blueprint.signIn) return [...structure, ...limits];
  return [...structure, ...limits, ...(await checkSignIn(ctx, license, tenant, username))];
}

function checkStatus(license: LicenseRow): Finding {
  const { key } = license;
  const until = license.expires_at === null ? "for ever" : `until ${license.expires_at.toISOString()}`;
  switch (licenseStatus(license, new Date())) {
    case "active":
      return ok("license", `License ${key} is active, ${until}`);
    case "inactive":
      return problem(
        "license",
        `License ${key} is inactive`,
        `Its users can't sign in before it is activated: \`tenantry license activate ${key}\`.`,
      );
    case "suspended":
      return problem(
        "license",
        `License ${key} is suspended: ${license.suspension_reason ?? "no reason given"}`,
        `Its users can't sign in before it is resumed: \`tenantry license resume ${key}\`.`,
      );
    case "expired":
      return problem(
        "license",
        `License ${key} expired at ${license.expires_at?.toISOString()}`,
        `Its users can't sign in before it is extended: \`tenantry license extend ${key} --days N\`.`,
      );
  }
}
