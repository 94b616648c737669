import { erp } from "@tenantry/schema/blueprints/erp";

/** The blueprints that this command offers. */
export const BLUEPRINTS = [erp] as const;
