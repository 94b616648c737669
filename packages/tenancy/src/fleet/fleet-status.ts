import { sql } from "kysely";
import type { TenancyContext } from "../context.ts";
import { type WarmPoolEntry, warmPool } from "../warm/warm-pool.ts";
import { type FleetStanding, fleetStandings } from "./fleet-versions.ts";

/** Tenants of one blueprint at one version on one placement. */
export interface FleetGroup {
  readonly blueprint: string;
  readonly placement: string;
  readonly version: string;
  readonly tenants: number;
}

/** A fleet migration that hasn't ended, or that has left tenants behind and was the last of its blueprint. */
export interface FleetRunSummary {
  readonly id: string;
  readonly blueprint: string;
  readonly version: string;
  readonly state: string;
  /** Null unless it is paused. */
  readonly paused: string | null;
  readonly done: number;
  readonly failed: number;
  readonly total: number;
  readonly createdAt: string;
}

export interface FleetStatus {
  readonly blueprints: readonly FleetStanding[];
  readonly groups: readonly FleetGroup[];
  readonly runs: readonly FleetRunSummary[];
  /** Schemas made ahead for tenants to come. */
  readonly warmPool: readonly WarmPoolEntry[];
}

/** Who is where: tenants by blueprint, placement and version, and the runs that somebody should know of. */
export async function fleetStatus(ctx: TenancyContext): Promise<FleetStatus> {
  const [blueprints, groups, runs, spares] = await Promise.all([
    fleetStandings(ctx),
    ctx.control
      .selectFrom("tenants")
      .select(["blueprint", "placement", "version", sql<number>`count(*)::integer`.as("tenants")])
      .where("state", "=", "ready")
      .groupBy(["blueprint", "placement", "version"])
      .orderBy("blueprint")
      .orderBy("placement")
      .orderBy("version")
      .execute(),
    latestRuns(ctx),
    warmPool(ctx),
  ]);
  return {
    blueprints,
    groups: groups.map(({ version, ...group }) => ({ ...group, version: version ?? "" })),
    runs,
    warmPool: spares,
  };
}

async function latestRuns(ctx: TenancyContext): Promise<FleetRunSummary[]> {
  const { rows } = await sql<Omit<FleetRunSummary, "createdAt"> & { created_at: Date }>`
    with latest as (
      select distinct on (blueprint) operation_id from tenantry.fleet_runs
      order by blueprint, operation_id desc
    ), run as (
      select fleet_runs.*, operations.state, operations.created_at
      from tenantry.fleet_runs join tenantry.operations on operations.id = fleet_runs.operation_id
      where operations.state in ('queued', 'running') or operation_id in (select operation_id from latest)
    )
    select run.operation_id as id, run.blueprint, run.version, run.state, case when run.state = 'queued' then run.pause_reason end as paused, run.created_at,
      counted.done, counted.failed, counted.total
    from run, lateral (
      select count(*) filter (where state = 'done')::integer as done,
        count(*) filter (where state = 'failed')::integer as failed, count(*)::integer as total
      from tenantry.fleet_items where run_id = run.operation_id
    ) as counted
    where run.state in ('queued', 'running') or counted.failed > 0 or run.state <> 'succeeded'
    order by run.operation_id`.execute(ctx.control);
  return rows.map(({ created_at, ...run }) => ({ ...run, createdAt: created_at.toISOString() }));
}
