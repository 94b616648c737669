import { adoptTenantScript } from "@tenantry/schema";
import type { TenancyContext } from "./context.ts";
import { placementOf } from "./placement.ts";
import { provideGateway, tenantGateway } from "./tenant-connection.ts";

/** The form of a tenant's rights that this version works with. */
const ACCESS_VERSION = 2;

/**
 * Brings tenants that an earlier version made to today's form of rights. Costs one indexed query when there are none.
 * May be stopped at any point and called again, also at once by several processes.
 *
 * @returns how many there were
 */
export async function adoptTenants(ctx: TenancyContext): Promise<number> {
  const tenants = await ctx.control
    .selectFrom("tenants")
    .selectAll()
    .where("access_version", "<", ACCESS_VERSION)
    .where("state", "=", "ready")
    .orderBy("id")
    .execute();
  for (const tenant of tenants) {
    const placement = await placementOf(ctx, tenant);
    const gateway = tenantGateway(ctx, tenant);
    await provideGateway(ctx, placement, gateway);
    const { rows } = await placement.provisioning.query<{ version: number }>(
      "SELECT current_setting('server_version_num')::int AS version",
    );
    await placement.provisioning.query(
      adoptTenantScript({
        schema: tenant.schema_name,
        role: tenant.role_name,
        gateway,
        serverVersion: rows[0]?.version ?? 0,
      }),
    );
    await ctx.control
      .updateTable("tenants")
      .set({ access_version: ACCESS_VERSION })
      .where("id", "=", tenant.id)
      .execute();
  }
  return tenants.length;
}
