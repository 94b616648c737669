import { expect, it } from "vitest";
import { contractSummary } from "./contract-summary.ts";

it("has the contract's form, to the letter", () => {
  const text = contractSummary({
    licenseKey: "7QKD-M3ZT-0V5H-XA2P",
    schema: "tenant_7qkd_m3zt_0v5h_xa2p",
    tables: 53,
    roles: 3,
    branches: 1,
    admins: 1,
    accounts: 36,
  });
  expect(text).toBe(`License created successfully!
License Key:      7QKD-M3ZT-0V5H-XA2P
Tenant Database:  Created (schema tenant_7qkd_m3zt_0v5h_xa2p, 53 tables)
Default Data:     Initialized (3 roles, 1 branch, 1 admin, 36 accounts)
Login:            admin signed in
`);
});
