import { provisionScript } from "@tenantry/schema";
import { compiledErp, type SampleTenant } from "./sample-tenant.ts";

/** The very text that Tenantry sends for this tenant, with the BEGIN before it. */
export async function provisioningText(tenant: SampleTenant): Promise<string> {
  const text = await provisionScript({
    tenantId: tenant.id,
    operationId: tenant.operationId,
    schema: tenant.schema,
    role: tenant.role,
    blueprint: compiledErp,
    seed: tenant.seed,
  });
  return `BEGIN;\n${text}`;
}
