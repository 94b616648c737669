import type { CompiledBlueprint } from "@tenantry/schema";
import { limitsOf, readLimitUse, renewGuards, unguardedTables } from "@tenantry/schema";
import type { Placement, TenancyContext } from "../context.ts";
import type { LicenseRow, TenantRow } from "../license-view.ts";
import { changeLimits } from "../limits.ts";
import { type Finding, ok, problem, RESTORE_REMEDY, simpleFix } from "./finding.ts";

/** Does the tenant's database hold the license's numbers, and does it hold them at all? */
export async function checkLimits(
  ctx: TenancyContext,
  placement: Placement,
  { license, tenant, compiled }: { license: LicenseRow; tenant: TenantRow; compiled: CompiledBlueprint },
): Promise<Finding[]> {
  const limited = limitsOf(compiled.blueprint);
  const schema = tenant.schema_name;
  const uses = await readLimitUse(placement.provisioning, schema, limited);
  if (uses === null) {
    // Else it is an older version, which `version` tells of.
    if (limited.length === 0 || tenant.version !== compiled.version) return [];
    return [
      problem(
        "limits",
        `Schema ${schema} has lost its table of limits, so nobody can be added`,
        RESTORE_REMEDY,
      ),
    ];
  }
  const sold = { users: license.max_users, branches: license.max_branches };
  const findings: Finding[] = [];
  const unguarded = await unguardedTables(placement.provisioning, schema, limited);
  if (unguarded.length > 0) {
    const tables = unguarded.join(", ");
    findings.push(
      problem(
        "limits",
        `Nothing holds the license's limits on ${tables}: triggers are gone or disabled`,
        "Make the triggers again.",
        simpleFix(`Make the triggers on ${tables} again`, () =>
          renewGuards(placement.provisioning, schema, limited),
        ),
      ),
    );
  }
  const wrong = limited.filter(({ limit }) => uses[limit]?.max !== sold[limit]);
  if (wrong.length > 0) {
    const numbers = wrong.map(
      ({ limit }) => `${uses[limit]?.max ?? "any number of"} ${limit}, the license says ${sold[limit]}`,
    );
    findings.push(
      problem(
        "limits",
        `Schema ${schema} allows ${numbers.join("; ")}`,
        "Write the license's numbers into the tenant. More than they allow must be deactivated first.",
        simpleFix(`Set the limits to ${sold.users} users and ${sold.branches} branches`, () =>
          changeLimits(ctx, tenant, { maxUsers: sold.users, maxBranches: sold.branches }),
        ),
      ),
    );
  }
  for (const { limit } of limited) {
    const used = uses[limit]?.used ?? 0;
    if (used <= sold[limit]) continue;
    findings.push(
      problem(
        "limits",
        `${used} ${limit} are active, and the license allows ${sold[limit]}; none can be added`,
        "Deactivate some in the application, or raise the license's limit.",
      ),
    );
  }
  if (findings.length > 0) return findings;
  const told = limited.map(({ limit }) => `${uses[limit]?.used} of ${sold[limit]} ${limit}`);
  return told.length === 0 ? [] : [ok("limits", `${told.join(", ")}; held by the tenant's database`)];
}
