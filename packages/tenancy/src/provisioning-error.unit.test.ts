import { expect, it } from "vitest";
import { provisioningError } from "./create-tenant.ts";
import { TenancyError } from "./errors.ts";
import type { TenantRow } from "./license-view.ts";

it("a trouble that has its name keeps it: Redis that is away isn't PostgreSQL that is away", () => {
  const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  const tenant = { blueprint: "erp" } as TenantRow;
  const redis = new TenancyError("UNAVAILABLE", "Redis is away", { retryable: true, cause: refused });
  expect(provisioningError(tenant, redis)).toBe(redis);
  expect(provisioningError(tenant, refused)).toMatchObject({
    message: expect.stringContaining("PostgreSQL"),
  });
});
