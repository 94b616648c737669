import type { TenancyContext } from "../context.ts";
import { countItems, type FleetCounts, getFleetRun } from "./load-run.ts";

/** How far a fleet migration is. */
export interface FleetFigures {
  readonly blueprint: string;
  /** What tenants are brought to. */
  readonly version: string;
  readonly tenants: FleetCounts;
  /** Tenants by wave; empty until it is planned. */
  readonly waves: readonly number[];
  /** From 1: the one that is being upgraded, or was last; 0 until it is planned. */
  readonly wave: number;
  /** As it was asked for: a number, or a share. */
  readonly maxFailures: number | string;
  /** Null unless it is paused. */
  readonly paused: { readonly at: string; readonly reason: string } | null;
}

/**
 * How far a fleet migration is.
 *
 * @throws TenancyError OPERATION_NOT_FOUND
 */
export async function fleetFigures(ctx: TenancyContext, id: string): Promise<FleetFigures> {
  const { run, operation } = await getFleetRun(ctx, id);
  const isPaused = operation.state === "queued" && run.pausedAt !== null;
  return {
    blueprint: run.blueprint,
    version: run.version,
    tenants: await countItems(ctx, id),
    waves: run.waves ?? [],
    wave: run.waves === null ? 0 : Math.min(run.wave + 1, run.waves.length),
    maxFailures: run.maxFailures,
    paused: isPaused ? { at: run.pausedAt.toISOString(), reason: run.pauseReason ?? "" } : null,
  };
}
