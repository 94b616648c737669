import { expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../test/support/database.ts";
import { hold, untilBlocked } from "../../../test/support/locks.ts";
import { acceptLicense } from "../../../test/support/requests.ts";
import { openTestInstallation } from "../../../test/support/tenantry.ts";
import { claimOperation } from "./claim.ts";
import { finishCreation } from "./finish-creation.ts";

it("takes a tenant before its license, as whoever changes a license does", async () => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({ databaseUrl: database.url });
  const { ctx } = installation;
  const { license, tenant, operation } = await acceptLicense(installation);
  const claimed = await claimOperation(ctx, { operationId: operation.id, worker: "w", leaseMs: 60_000 });
  if (claimed.kind !== "claimed") throw new Error(claimed.kind);
  const row = await ctx.control
    .selectFrom("tenants")
    .selectAll()
    .where("schema_name", "=", tenant.schema)
    .executeTakeFirstOrThrow();
  const release = await hold(
    database.adminUrl,
    `SELECT FROM tenantry.tenants WHERE id = '${row.id}' FOR SHARE`,
  );
  const result = {
    licenseKey: license.key,
    schema: tenant.schema,
    blueprint: "erp",
    version: "1",
    tables: 1,
  };
  const finishing = finishCreation(ctx, ctx.control, claimed.claim, row, result).executeTakeFirst();
  await untilBlocked(database.adminUrl, "tenantry-test-control");
  await withAdmin(database.adminUrl, (client) =>
    client.query(`SELECT FROM tenantry.licenses WHERE key = '${license.key}' FOR NO KEY UPDATE NOWAIT`),
  );
  await release();
  expect((await finishing).numInsertedOrUpdatedRows).toBe(1n);
});
