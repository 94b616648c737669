import { type CompiledBlueprint, type ControlDatabase, versionCount } from "@tenantry/schema";
import { sql } from "kysely";
import type { TenancyContext } from "../context.ts";

export interface VersionCount {
  readonly version: string;
  readonly tenants: number;
}

/** Tenants in use of a blueprint by version, oldest first. Read from one index, however many there are. */
export async function versionsOf(
  control: ControlDatabase,
  blueprint: string,
  licenseKeys: readonly string[] | null = null,
): Promise<VersionCount[]> {
  let query = control
    .selectFrom("tenants")
    .select(["tenants.version", sql<number>`count(*)::integer`.as("tenants")])
    .where("tenants.blueprint", "=", blueprint)
    .where("tenants.state", "=", "ready")
    .groupBy("tenants.version")
    .orderBy("tenants.version");
  if (licenseKeys !== null) {
    query = query.where((eb) =>
      eb.exists(
        eb
          .selectFrom("licenses")
          .whereRef("licenses.id", "=", "tenants.license_id")
          .where("licenses.key", "=", sql<string>`any(${licenseKeys}::text[])`),
      ),
    );
  }
  const rows = await query.execute();
  return rows.map(({ version, tenants }) => ({ version: version ?? "", tenants }));
}

/** Tenants that lag behind their blueprint's version, those that are ahead of it, and all. */
export interface FleetStanding {
  readonly blueprint: string;
  /** The blueprint's, in this process. */
  readonly version: string;
  readonly tenants: number;
  readonly behind: number;
  /** At a version that this process doesn't know. */
  readonly newer: number;
}

/** How the tenants of each blueprint stand. One query of one index. */
export async function fleetStandings(ctx: TenancyContext): Promise<FleetStanding[]> {
  const rows = await ctx.control
    .selectFrom("tenants")
    .select(["blueprint", "version", sql<number>`count(*)::integer`.as("tenants")])
    .where("state", "=", "ready")
    .groupBy(["blueprint", "version"])
    .execute();
  return [...ctx.blueprints.values()].map((compiled) => {
    const own = rows
      .filter(({ blueprint }) => blueprint === compiled.blueprint.name)
      .map(({ version, tenants }) => ({ version: version ?? "", tenants }));
    return { blueprint: compiled.blueprint.name, version: compiled.version, ...standing(compiled, own) };
  });
}

/** Sums tenants by where their version stands. */
export function standing(
  compiled: CompiledBlueprint,
  versions: readonly VersionCount[],
): Pick<FleetStanding, "tenants" | "behind" | "newer"> {
  const sum = (fits: (version: string) => boolean): number =>
    versions.filter(({ version }) => fits(version)).reduce((total, { tenants }) => total + tenants, 0);
  const isNewer = (version: string): boolean => versionCount(compiled, version) === 0;
  return {
    tenants: sum(() => true),
    behind: sum((version) => version !== compiled.version && !isNewer(version)),
    newer: sum(isNewer),
  };
}
