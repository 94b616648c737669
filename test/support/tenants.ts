import type { Installation } from "@tenantry/installation";
import type { TenantRow } from "@tenantry/tenancy";
import { expect } from "vitest";
import { ended, orderLicense } from "./requests.ts";

export interface ReadyTenant {
  readonly key: string;
  readonly row: TenantRow;
}

/** Orders licenses and waits until their tenants are ready; a worker has to be running. */
export async function readyTenants(
  installation: Installation,
  count: number,
  order: Record<string, unknown> = {},
): Promise<ReadyTenant[]> {
  const orders = await Promise.all(Array.from({ length: count }, () => orderLicense(installation, order)));
  return Promise.all(
    orders.map(async ({ license, tenant, operation }) => {
      expect(await ended(installation, operation.id)).toMatchObject({ state: "succeeded" });
      const row = await installation.ctx.control
        .selectFrom("tenants")
        .selectAll()
        .where("schema_name", "=", tenant.schema)
        .executeTakeFirstOrThrow();
      return { key: license.key, row };
    }),
  );
}
