import { type Gateway, gatewayOf, provisionScript } from "@tenantry/schema";
import { compiledErp, type SampleTenant } from "./sample-tenant.ts";

/** The limit's own, so that it meets no gateway of an installation's; of its database's owner, who alone may use it. */
export function benchGateway(databaseUrl: string): Gateway {
  return gatewayOf(decodeURIComponent(new URL(databaseUrl).username), 1);
}

/** The very text that Tenantry sends for this tenant, with the BEGIN before it. */
export async function provisioningText(tenant: SampleTenant, gateway: Gateway): Promise<string> {
  const text = await provisionScript({
    tenantId: tenant.id,
    operationId: tenant.operationId,
    schema: tenant.schema,
    role: tenant.role,
    gateway,
    blueprint: compiledErp,
    seed: tenant.seed,
  });
  return `BEGIN;\n${text}`;
}
