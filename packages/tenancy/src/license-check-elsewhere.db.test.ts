import { describe, expect, it } from "vitest";
import { createTestDatabase } from "../../../test/support/database.ts";
import { performedLicense } from "../../../test/support/perform.ts";
import { openTestInstallation } from "../../../test/support/tenantry.ts";
import { checkLicense } from "./license-check.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url });
const { ctx } = installation;

describe("the check of a license whose tenant lives on another server", () => {
  it("is answered though that server's address can't be read", async () => {
    const key = await performedLicense(installation, {});
    const url = Buffer.alloc(40);
    await ctx.control
      .insertInto("placements")
      .values({ name: "sealed", url, draining: true, added_by: "cli:test" })
      .execute();
    await ctx.control.updateTable("tenants").set({ placement: "sealed" }).execute();
    expect(await checkLicense(ctx, key, { ip: null, apiKeyId: null })).toMatchObject({
      valid: true,
      users: { used: null },
    });
  });
});
