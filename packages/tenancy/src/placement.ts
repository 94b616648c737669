import type { Placement, TenancyContext } from "./context.ts";

/**
 * The placement of a tenant, as this process is connected to it.
 *
 * @throws TenancyError PLACEMENT_NOT_FOUND
 */
export function placementOf(ctx: TenancyContext, tenant: { readonly placement: string }): Promise<Placement> {
  return ctx.placements.of(tenant.placement);
}
