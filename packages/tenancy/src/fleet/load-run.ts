import { sql } from "kysely";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import type { LabelledOperationRow } from "../operation-view.ts";
import { getOperationRow } from "../operations.ts";
import type { FleetMigrationInput } from "./fleet-request.ts";
import { type Amount, parseAmount } from "./waves.ts";

/** A fleet migration as its worker sees it. */
export interface FleetRun {
  readonly id: string;
  readonly blueprint: string;
  readonly version: string;
  readonly input: FleetMigrationInput;
  readonly maxFailures: Amount;
  readonly growth: number;
  /** Null until it is planned. */
  readonly waves: readonly number[] | null;
  readonly wave: number;
  readonly forgiven: number;
  readonly pauseRequested: boolean;
  readonly pausedAt: Date | null;
  readonly pauseReason: string | null;
}

/**
 * A fleet migration, and its operation.
 *
 * @throws TenancyError OPERATION_NOT_FOUND for an id of anything else.
 */
export async function getFleetRun(
  ctx: TenancyContext,
  id: string,
): Promise<{ readonly operation: LabelledOperationRow; readonly run: FleetRun }> {
  const operation = await getOperationRow(ctx, id);
  if (operation.kind !== "migrate-fleet") {
    throw new TenancyError("OPERATION_NOT_FOUND", "There is no fleet migration with that id.");
  }
  return { operation, run: await loadRun(ctx, operation) };
}

/** What is kept of a run beside its operation. */
export async function loadRun(
  ctx: TenancyContext,
  operation: Pick<LabelledOperationRow, "id" | "input">,
): Promise<FleetRun> {
  const row = await ctx.control
    .selectFrom("fleet_runs")
    .selectAll()
    .where("operation_id", "=", operation.id)
    .executeTakeFirstOrThrow();
  return {
    id: operation.id,
    blueprint: row.blueprint,
    version: row.version,
    input: operation.input as unknown as FleetMigrationInput,
    maxFailures: parseAmount(row.max_failures) ?? 0,
    growth: row.growth,
    waves: row.waves,
    wave: row.wave,
    forgiven: row.forgiven,
    pauseRequested: row.pause_requested_at !== null,
    pausedAt: row.paused_at,
    pauseReason: row.pause_reason,
  };
}

/** Tenants of a run by what became of them. */
export interface FleetCounts {
  readonly total: number;
  readonly pending: number;
  readonly done: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Counts a run's tenants, or those of one of its waves, by their state. */
export async function countItems(ctx: TenancyContext, runId: string, wave?: number): Promise<FleetCounts> {
  let query = ctx.control
    .selectFrom("fleet_items")
    .select(["state", sql<number>`count(*)::integer`.as("tenants")])
    .where("run_id", "=", runId)
    .groupBy("state");
  if (wave !== undefined) query = query.where("wave", "=", wave);
  const rows = await query.execute();
  const of = (wanted: string): number => rows.find(({ state }) => state === wanted)?.tenants ?? 0;
  const [pending, done, failed, skipped] = [of("pending"), of("done"), of("failed"), of("skipped")];
  return { total: pending + done + failed + skipped, pending, done, failed, skipped };
}
