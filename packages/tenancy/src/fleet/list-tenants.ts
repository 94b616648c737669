import type { FleetItemState } from "@tenantry/schema";
import type { TenancyContext } from "../context.ts";
import type { StoredError } from "../errors.ts";
import { type Page, type PageRequest, readCursor, toPage } from "../page.ts";
import { getFleetRun } from "./load-run.ts";

/** One tenant of a fleet migration, as users see it. */
export interface FleetTenant {
  readonly licenseKey: string;
  readonly schema: string;
  readonly placement: string;
  readonly state: FleetItemState;
  /** From 1. */
  readonly wave: number;
  readonly fromVersion: string | null;
  /** Where the registry says that it is now. */
  readonly version: string | null;
  readonly attempts: number;
  readonly durationMs: number | null;
  readonly error?: StoredError;
  readonly endedAt: string | null;
}

/**
 * The tenants of a fleet migration, oldest tenant first. None before it is planned.
 *
 * @throws TenancyError OPERATION_NOT_FOUND
 */
export async function listFleetTenants(
  ctx: TenancyContext,
  runId: string,
  filter: { readonly state?: FleetItemState },
  page: PageRequest,
): Promise<Page<FleetTenant>> {
  await getFleetRun(ctx, runId);
  let query = ctx.control
    .selectFrom("fleet_items")
    .innerJoin("tenants", "tenants.id", "fleet_items.tenant_id")
    .innerJoin("licenses", "licenses.id", "tenants.license_id")
    .select([
      "fleet_items.tenant_id as id",
      "licenses.key",
      "tenants.schema_name",
      "tenants.placement",
      "tenants.version",
      "fleet_items.state",
      "fleet_items.wave",
      "fleet_items.from_version",
      "fleet_items.attempts",
      "fleet_items.duration_ms",
      "fleet_items.error",
      "fleet_items.ended_at",
    ])
    .where("fleet_items.run_id", "=", runId)
    .orderBy("fleet_items.tenant_id")
    .limit(page.limit + 1);
  if (filter.state !== undefined) query = query.where("fleet_items.state", "=", filter.state);
  if (page.cursor !== undefined) query = query.where("fleet_items.tenant_id", ">", readCursor(page.cursor));
  return toPage(await query.execute(), page.limit, (row) => ({
    licenseKey: row.key,
    schema: row.schema_name,
    placement: row.placement,
    state: row.state,
    wave: row.wave + 1,
    fromVersion: row.from_version,
    version: row.version,
    attempts: row.attempts,
    durationMs: row.duration_ms,
    ...(row.error === null ? {} : { error: row.error as StoredError }),
    endedAt: row.ended_at?.toISOString() ?? null,
  }));
}
