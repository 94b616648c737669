import type { TenancyContext } from "../context.ts";
import { removeAbandoned } from "./abandoned.ts";
import { dropExpiredKept } from "./kept-schemas.ts";
import { removeOutdatedControl } from "./outdated-control.ts";
import { retireBackups } from "./retire-backups.ts";

/** Longer than any archive takes to be written. */
const LEFT_AFTER_MS = 2 * 86_400_000;

/** What a finished round of this says. */
export interface KeptBackups {
  /** Archives that nobody will ever ask for. */
  readonly abandoned: number;
  /** Schemas that restores had put aside, and whose time had come. */
  readonly dropped: number;
}

/**
 * Removes what dead workers have left of backups, what a store that was away has kept, and what restores have put aside for
 * long enough. For every few minutes; any number of processes may do it at once.
 *
 * @throws StoreError; the driver's error.
 */
export async function keepBackups(ctx: TenancyContext): Promise<KeptBackups> {
  const dropped = await dropExpiredKept(ctx);
  await removeOutdatedControl(ctx);
  return { abandoned: await removeAbandoned(ctx), dropped };
}

/** What a finished round of that says. */
export interface TidiedBackups {
  /** Backups that the retention had no use for. */
  readonly retired: number;
  /** What killed writers had left in the store. */
  readonly leftovers: number;
}

/**
 * Removes what the retention has no use for. For every hour: it looks at every backup that there is.
 *
 * @throws StoreError; the driver's error.
 */
export async function tidyBackups(ctx: TenancyContext): Promise<TidiedBackups> {
  const retired = await retireBackups(ctx);
  const leftovers = await ctx.backups.store.removeLeftovers(new Date(Date.now() - LEFT_AFTER_MS));
  return { retired, leftovers };
}
