import { describe, expect, it } from "vitest";
import { createTestDatabase } from "../../../../test/support/database.ts";
import { performedLicense } from "../../../../test/support/perform.ts";
import { CALLER } from "../../../../test/support/restores.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import { tiny } from "../../../../test/support/tiny-blueprint.ts";
import { sealUrl } from "../placement/sealed-url.ts";
import { examineIsolation } from "./examine-isolation.ts";
import { examineLicense } from "./examine-license.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [tiny] });
const { ctx } = installation;
const ORDER = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };
const LOST = { check: "placement", severity: "problem" };

describe("the doctor, when a server is away", async () => {
  const key = await performedLicense(installation, ORDER);
  const added_by = "cli:test";
  const away = sealUrl(ctx, "away", "postgres://nobody@127.0.0.1:1/none");
  await ctx.control
    .insertInto("placements")
    .values([
      { name: "away", url: away, draining: true, added_by },
      { name: "another", url: Buffer.alloc(40), draining: true, added_by },
    ])
    .execute();

  it("finds that, and looks at the walls on the others", async () => {
    const findings = await examineIsolation(ctx);
    expect(findings.filter(({ check }) => check === "placement")).toMatchObject([LOST, LOST]);
    expect(findings.filter(({ check }) => check !== "placement").length).toBeGreaterThan(0);
  });

  it("finds that of a license whose tenant lives there", async () => {
    await ctx.control.updateTable("tenants").set({ placement: "away" }).execute();
    const findings = await examineLicense(ctx, {
      licenseKey: key,
      username: null,
      caller: CALLER,
      announce: async () => undefined,
    });
    expect(findings).toContainEqual(expect.objectContaining(LOST));
  });
});
