import { createPool, type Pool, readMarker } from "@tenantry/schema";
import { DEFAULT_PLACEMENT, type TenancyContext } from "../context.ts";
import type { TenantRow } from "../license-view.ts";
import { placementUrl } from "../placement/placement-url.ts";

/** Milliseconds; a server that takes longer counts as lost. */
const TIMEOUT = 10_000;

/** Tenants that a server, another than that of the control data, still has. Whoever asks closes it. */
export interface LivingTenants {
  /**
   * The placement that has it; null for none. Its own, or one that it was moved to since the control data were taken: what a
   * move leaves behind goes by another name.
   */
  placementOf(tenant: TenantRow): Promise<string | null>;
  close(): Promise<void>;
}

/** Each server is asked for once: one that is lost would keep every tenant of it waiting. */
export function livingTenants(ctx: TenancyContext): LivingTenants {
  const pools = new Map<string, Promise<Pool | null>>();
  const poolOf = (name: string): Promise<Pool | null> => {
    const opened = pools.get(name) ?? open(ctx, name);
    pools.set(name, opened);
    return opened;
  };
  const has = async (name: string, tenant: TenantRow): Promise<boolean> => {
    const pool = await poolOf(name);
    if (pool === null) return false;
    const owner = await readMarker(pool, tenant.schema_name);
    return owner.kind === "tenant" && owner.tenantId === tenant.id;
  };
  let names: Promise<string[]> | null = null;
  return {
    placementOf: async (tenant) => {
      names ??= otherPlacements(ctx);
      const ownFirst = (await names).toSorted(
        (a, b) => Number(b === tenant.placement) - Number(a === tenant.placement),
      );
      for (const name of ownFirst) if (await has(name, tenant)) return name;
      return null;
    },
    close: async () => {
      for (const opened of pools.values()) await (await opened)?.end();
    },
  };
}

async function otherPlacements({ control }: TenancyContext): Promise<string[]> {
  const rows = await control
    .selectFrom("placements")
    .select("name")
    .where("name", "!=", DEFAULT_PLACEMENT)
    .orderBy("name")
    .execute();
  return rows.map(({ name }) => name);
}

async function open(ctx: TenancyContext, name: string): Promise<Pool | null> {
  let pool: Pool | null = null;
  try {
    pool = createPool({
      connectionString: await placementUrl(ctx.control, name),
      applicationName: "tenantry-rebuild",
      max: 2,
      statementTimeout: TIMEOUT,
      lockTimeout: TIMEOUT,
      idleInTransactionTimeout: TIMEOUT,
      onConnectionLost: (error) => ctx.log.warn({ err: error, placement: name }, "connection lost"),
    });
    await pool.query("SELECT");
    return pool;
  } catch (error) {
    await pool?.end();
    // It has no tenants any more, so new ones would all go to it.
    await ctx.control.updateTable("placements").set({ draining: true }).where("name", "=", name).execute();
    ctx.log.warn(
      { err: error, placement: name },
      "a placement is lost: its tenants come back on the default one",
    );
    return null;
  }
}
