import type { Placement, TenancyContext } from "./context.ts";

/** The placement of a tenant, as this process is connected to it. */
export function placementOf(ctx: TenancyContext, tenant: { readonly placement: string }): Placement {
  const placement = ctx.placements.get(tenant.placement);
  if (placement === undefined)
    throw new Error(`placement ${tenant.placement} is not configured in this process`);
  return placement;
}
