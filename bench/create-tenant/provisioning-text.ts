import { gatewayOf, provisionScript } from "@tenantry/schema";
import { compiledErp, type SampleTenant } from "./sample-tenant.ts";

/** The limit's own, so that it meets no gateway of an installation's. */
export const BENCH_GATEWAY = gatewayOf("bench", 1);

/** The very text that Tenantry sends for this tenant, with the BEGIN before it. */
export async function provisioningText(tenant: SampleTenant): Promise<string> {
  const text = await provisionScript({
    tenantId: tenant.id,
    operationId: tenant.operationId,
    schema: tenant.schema,
    role: tenant.role,
    gateway: BENCH_GATEWAY,
    blueprint: compiledErp,
    seed: tenant.seed,
  });
  return `BEGIN;\n${text}`;
}
