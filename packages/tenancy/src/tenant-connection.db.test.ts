import { expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../test/support/database.ts";
import { openTestInstallation } from "../../../test/support/tenantry.ts";
import { readyTenants } from "../../../test/support/tenants.ts";
import { tiny } from "../../../test/support/tiny-blueprint.ts";
import { provideGateway, tenantGateway, withGateway } from "./tenant-connection.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [tiny] });
const { ctx } = installation;
const WITHOUT_ADMIN = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };
const placement = ctx.placements.main;

/** As after a standby took over that hadn't heard of them yet. */
async function lose(ordinal: number): Promise<void> {
  const { login, keeper } = tenantGateway(ctx, { ordinal });
  await withAdmin(database.adminUrl, (client) => client.query(`DROP ROLE "${login}", "${keeper}"`));
}

it("a license is provisioned though its server lost the gateway that this process had seen", async () => {
  await provideGateway(ctx, placement, tenantGateway(ctx, { ordinal: 1 }));
  await lose(1);
  await installation.work();
  const [tenant] = await readyTenants(installation, 1, WITHOUT_ADMIN);
  expect(tenant?.row.state).toBe("ready");
});

it("work that fails for another reason isn't done again", async () => {
  let tries = 0;
  const failing = withGateway(ctx, placement, tenantGateway(ctx, { ordinal: 501 }), () => {
    tries++;
    return placement.provisioning.query("SET ROLE nobody_by_that_name");
  });
  await expect(failing).rejects.toMatchObject({ code: "22023" });
  expect(tries).toBe(1);
});
