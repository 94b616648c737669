import { randomUUIDv7 } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createTestDatabase } from "../../../../test/support/database.ts";
import { perform, performedLicense } from "../../../../test/support/perform.ts";
import { CALLER } from "../../../../test/support/restores.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import { tiny } from "../../../../test/support/tiny-blueprint.ts";
import type { TenancyContext } from "../context.ts";
import { deleteLicense } from "../delete-license.ts";
import { sealUrl } from "../placement/sealed-url.ts";
import { dropExpiredKept } from "./kept-schemas.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [tiny] });
const { ctx } = installation;
const ORDER = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };

describe("what a move has left on a server that is away", async () => {
  await ctx.control
    .insertInto("placements")
    .values({
      name: "away",
      url: sealUrl(ctx, "away", "postgres://nobody@127.0.0.1:1/none"),
      draining: true,
      added_by: "cli:test",
    })
    .execute();

  it("doesn't keep its tenant from being deleted, and goes when the server is back", async () => {
    const key = await performedLicense(installation, ORDER);
    const tenant = await ctx.control
      .selectFrom("tenants")
      .innerJoin("licenses", "licenses.id", "tenants.license_id")
      .innerJoin("operations", "operations.license_id", "licenses.id")
      .select(["tenants.id", "tenants.license_id", "operations.id as operation_id"])
      .where("licenses.key", "=", key)
      .executeTakeFirstOrThrow();
    const { operation_id, license_id } = tenant;
    await ctx.control
      .insertInto("kept_schemas")
      .values({
        ...{ id: randomUUIDv7(), operation_id, license_id, tenant_id: tenant.id, placement: "away" },
        ...{ schema_name: "moved_away", reason: "move", drop_after: null },
      })
      .execute();
    const { operation } = await deleteLicense(ctx, { licenseKey: key }, CALLER);
    expect(await perform(installation, operation.id)).toMatchObject({ kind: "succeeded" });
    const left = () =>
      ctx.control
        .selectFrom("kept_schemas")
        .select("drop_after")
        .where("tenant_id", "=", tenant.id)
        .execute();
    expect(await left()).toEqual([{ drop_after: expect.any(Date) }]);
    expect(await dropExpiredKept(ctx)).toBe(0);
    // Another server, or an address that is right again: it has no such schema.
    const url = sealUrl(ctx, "back", database.url);
    await ctx.control
      .insertInto("placements")
      .values({ name: "back", url, draining: true, added_by: "cli:test" })
      .execute();
    await ctx.control
      .updateTable("kept_schemas")
      .set({ placement: "back" })
      .where("placement", "=", "away")
      .execute();
    expect(await dropExpiredKept(ctx)).toBe(1);
    expect(await left()).toEqual([]);
  });

  it("is tried once a round, however much there is: each try waits for the server", async () => {
    const key = await performedLicense(installation, ORDER);
    const tenant = await ctx.control
      .selectFrom("tenants")
      .innerJoin("licenses", "licenses.id", "tenants.license_id")
      .innerJoin("operations", "operations.license_id", "licenses.id")
      .select(["tenants.id as tenant_id", "tenants.license_id", "operations.id as operation_id"])
      .where("licenses.key", "=", key)
      .executeTakeFirstOrThrow();
    const left = ["one", "two", "three"].map((schema_name) => ({
      ...{ ...tenant, id: randomUUIDv7(), placement: "away", schema_name, reason: "restore" as const },
      drop_after: new Date(0),
    }));
    await ctx.control.insertInto("kept_schemas").values(left).execute();
    const asked: string[] = [];
    const placements: TenancyContext["placements"] = {
      main: ctx.placements.main,
      of: (name) => {
        asked.push(name);
        return ctx.placements.of(name);
      },
    };
    expect(await dropExpiredKept({ ...ctx, placements })).toBe(0);
    expect(asked).toEqual(["away"]);
  });
});
