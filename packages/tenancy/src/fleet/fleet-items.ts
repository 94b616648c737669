import type { FleetItemState } from "@tenantry/schema";
import { sql } from "kysely";
import type { Claim } from "../claim.ts";
import type { TenancyContext } from "../context.ts";
import type { StoredError } from "../errors.ts";
import { READERS } from "../tenant-in-use.ts";

/** A tenant that has its turn. */
export interface PendingItem {
  readonly tenant_id: string;
  readonly license_id: string;
  readonly schema_name: string;
  readonly role_name: string;
  readonly placement: string;
  readonly blueprint: string;
  readonly version: string | null;
  readonly state: string;
  readonly max_users: number;
  readonly max_branches: number;
  /** Something else is being done with the tenant. */
  readonly in_use: boolean;
}

/** What became of a tenant. */
export interface ItemResult {
  readonly tenant_id: string;
  readonly state: Exclude<FleetItemState, "pending">;
  /** What the tenant's ledger says now; null where that isn't known. */
  readonly at: string | null;
  readonly from_version: string | null;
  readonly found: boolean;
  readonly attempts: number;
  readonly duration_ms: number;
  readonly error: StoredError | null;
}

const PAGE = 200;

/** The tenants of a wave on one placement that had no turn yet, page by page. */
export async function* pendingItems(
  ctx: TenancyContext,
  { runId, wave, placement }: { readonly runId: string; readonly wave: number; readonly placement: string },
): AsyncGenerator<PendingItem> {
  for (let after = "00000000-0000-0000-0000-000000000000"; ; ) {
    const { rows } = await sql<PendingItem>`
      select item.tenant_id, tenants.license_id, tenants.schema_name, tenants.role_name, tenants.placement,
        tenants.blueprint, tenants.version, tenants.state, licenses.max_users, licenses.max_branches,
        exists (
          select from tenantry.operations
          where operations.license_id = tenants.license_id and operations.state in ('queued', 'running')
            and operations.kind <> all (${READERS}::text[])
        ) as in_use
      from tenantry.fleet_items as item
      join tenantry.tenants on tenants.id = item.tenant_id
      join tenantry.licenses on licenses.id = tenants.license_id
      where item.run_id = ${runId} and item.state = 'pending' and item.wave = ${wave}
        and item.tenant_id > ${after} and tenants.placement = ${placement}
      order by item.tenant_id limit ${PAGE}`.execute(ctx.control);
    yield* rows;
    const last = rows.at(-1);
    if (rows.length < PAGE || last === undefined) return;
    after = last.tenant_id;
  }
}

/** The placements that a wave's tenants without a turn live on. */
export async function placementsOf(ctx: TenancyContext, runId: string, wave: number): Promise<string[]> {
  const rows = await ctx.control
    .selectFrom("fleet_items")
    .innerJoin("tenants", "tenants.id", "fleet_items.tenant_id")
    .select("tenants.placement")
    .distinct()
    .where("fleet_items.run_id", "=", runId)
    .where("fleet_items.state", "=", "pending")
    .where("fleet_items.wave", "=", wave)
    .execute();
  return rows.map(({ placement }) => placement);
}

/** Whether a run's worker may go on. */
export interface Wanted {
  readonly held: boolean;
  readonly cancel: boolean;
  readonly pause: boolean;
}

/**
 * Writes down what became of many tenants, in the run and in the registry, in one statement; or nothing, when the claim is
 * lost. A tenant's own ledger was first, so what is lost here is found again.
 */
export async function storeResults(
  ctx: TenancyContext,
  claim: Claim,
  results: readonly ItemResult[],
): Promise<Wanted> {
  const { rows } = await sql<Wanted>`
    with held as (
      -- Whoever would take the run over waits for this statement, and reads what it has written.
      select id, cancel_requested_at from tenantry.operations
      where id = ${claim.operationId} and attempts = ${claim.attempt} and state = 'running'
      for share
    ), result as (
      select given.* from held, jsonb_to_recordset(${JSON.stringify(results)}::jsonb) as given (
        tenant_id uuid, state text, at text, from_version text, found boolean, attempts integer, duration_ms integer,
        error jsonb)
    ), item as (
      update tenantry.fleet_items set
        state = result.state, from_version = coalesce(result.from_version, fleet_items.from_version),
        found = result.found, attempts = fleet_items.attempts + result.attempts, duration_ms = result.duration_ms,
        error = nullif(result.error, 'null'::jsonb), ended_at = now()
      from result
      where fleet_items.run_id = ${claim.operationId} and fleet_items.tenant_id = result.tenant_id
        and fleet_items.state = 'pending'
    ), tenant as (
      update tenantry.tenants set version = result.at
      from result
      where tenants.id = result.tenant_id and result.at is not null and tenants.state = 'ready'
        and tenants.version is distinct from result.at
    )
    select
      exists (select from held) as held,
      exists (select from held where cancel_requested_at is not null) as cancel,
      exists (
        select from tenantry.fleet_runs where operation_id = ${claim.operationId} and pause_requested_at is not null
      ) as pause`.execute(ctx.control);
  return rows[0] ?? { held: false, cancel: false, pause: false };
}
