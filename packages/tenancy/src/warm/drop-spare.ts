import { dropRetired, dropRoleAlone } from "@tenantry/schema";
import type { TenancyContext } from "../context.ts";
import { placementOf } from "../placement.ts";
import { tenantGateway } from "../tenant-connection.ts";
import type { SpareRow } from "./spares.ts";

/**
 * Drops what there is of a spare that retires, and forgets it. Goes on wherever an earlier attempt was broken off. A schema
 * of its name that isn't it, or is a tenant's by now, stays.
 *
 * @throws the driver's error.
 */
export async function dropSpare(ctx: TenancyContext, spare: SpareRow): Promise<void> {
  const { provisioning } = await placementOf(ctx, spare);
  const gateway = tenantGateway(ctx, spare);
  await dropRetired(provisioning, {
    schema: spare.schema_name,
    retired: spare.schema_name,
    tenantId: spare.id,
    role: spare.role_name,
    gateway,
    mayProceed: async () => true,
    onProgress: () => undefined,
  });
  await dropRoleAlone(provisioning, { role: spare.role_name, gateway });
  await ctx.control.deleteFrom("spares").where("id", "=", spare.id).where("state", "=", "retiring").execute();
}
