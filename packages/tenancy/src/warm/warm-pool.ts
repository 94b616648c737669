import type { TenancyContext } from "../context.ts";

/** What there is of one version of a blueprint on one placement. */
export interface WarmPoolEntry {
  readonly placement: string;
  readonly blueprint: string;
  readonly version: string;
  /** Whether new tenants are made of this version by this process's blueprint. */
  readonly current: boolean;
  readonly ready: number;
  readonly making: number;
  /** On their way out. */
  readonly retiring: number;
}

/** The spares there are. One small table; the number of tenants doesn't matter. */
export async function warmPool(ctx: TenancyContext): Promise<WarmPoolEntry[]> {
  const rows = await ctx.control
    .selectFrom("spares")
    .select(({ fn }) => [
      "placement",
      "blueprint",
      "version",
      "fingerprint",
      fn.countAll<string>().filterWhere("state", "in", ["ready"]).as("ready"),
      fn.countAll<string>().filterWhere("state", "in", ["making"]).as("making"),
      fn.countAll<string>().filterWhere("state", "in", ["retiring"]).as("retiring"),
    ])
    .groupBy(["placement", "blueprint", "version", "fingerprint"])
    .orderBy("placement")
    .orderBy("blueprint")
    .orderBy("version")
    .execute();
  return rows.map(({ fingerprint, ready, making, retiring, ...row }) => ({
    ...row,
    current: ctx.blueprints.get(row.blueprint)?.fingerprint === fingerprint,
    ready: Number(ready),
    making: Number(making),
    retiring: Number(retiring),
  }));
}
