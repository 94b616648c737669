import type { Blueprint } from "../blueprint/define.ts";
import { booking } from "./booking/index.ts";
import { erp } from "./erp/index.ts";

/** The blueprints that ship with Tenantry. */
export const BLUEPRINTS: readonly Blueprint[] = [erp, booking];
