export type { TenantryAccess } from "./admission.ts";
export { type TenantryPluginOptions, tenantry } from "./plugin.ts";
export { asTenancyError, sendProblem } from "./problem-reply.ts";
export type { RequestTenant, TenantTables } from "./request-tenant.ts";
