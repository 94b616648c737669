import Type from "typebox";
import { defineBlueprint } from "../../blueprint/define.ts";
import { ded } from "./legacy.ts";
import { securityAndSettings } from "./migrations/0001-security-and-settings.ts";
import { inventory } from "./migrations/0002-inventory.ts";
import { partnersAndOrders } from "./migrations/0003-partners-and-orders.ts";
import { posAndSales } from "./migrations/0004-pos-and-sales.ts";
import { purchases } from "./migrations/0005-purchases.ts";
import { stockMovements } from "./migrations/0006-stock-movements.ts";
import { accounting } from "./migrations/0007-accounting.ts";
import { crm } from "./migrations/0008-crm.ts";
import { hr } from "./migrations/0009-hr.ts";
import { cycles } from "./migrations/0010-cycles.ts";
import { indexes } from "./migrations/0011-indexes.ts";
import { LIMITED, limits } from "./migrations/0012-limits.ts";
import { seedCommon, seedLicense } from "./seed.ts";

/**
 * An ERP tenant: the tables of the legacy DED application's tenant files. Its `license` and `license_checks` are not
 * among them; they live in the control schema.
 */
export const erp = defineBlueprint({
  name: "erp",
  schemaNaming: { kind: "license-key", prefix: "tenant_" },
  migrations: [
    securityAndSettings,
    inventory,
    partnersAndOrders,
    posAndSales,
    purchases,
    stockMovements,
    accounting,
    crm,
    hr,
    cycles,
    indexes,
    limits,
  ],
  commonSeed: seedCommon,
  seed: seedLicense,
  parameters: Type.Object({}, { additionalProperties: false }),
  signIn: true,
  limits: LIMITED,
  legacy: [ded],
});
