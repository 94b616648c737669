import { defineBlueprint } from "@tenantry/schema";
import { sql } from "kysely";
import Type from "typebox";
import { describe, expect, it } from "vitest";
import { createTestDatabase } from "../../../test/support/database.ts";
import { acceptLicense } from "../../../test/support/requests.ts";
import { openTestInstallation } from "../../../test/support/tenantry.ts";
import { nextSchemaName, roleName } from "./schema-name.ts";

const shop = defineBlueprint({
  name: "shop",
  schemaNaming: { kind: "sequence", prefix: "client_", digits: 3 },
  migrations: [
    { name: "0001_items", up: async (db) => void (await sql`create table items (id int)`.execute(db)) },
  ],
  seed: async () => undefined,
  parameters: Type.Object({}, { additionalProperties: false }),
  signIn: false,
});

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [shop] });
const { control } = installation.ctx;

describe("schema names in sequence", () => {
  it("are given each once and without a gap when twenty orders come at once", async () => {
    const orders = await Promise.all(
      Array.from({ length: 20 }, () =>
        acceptLicense(installation, {
          blueprint: "shop",
          adminUsername: undefined,
          adminPassword: undefined,
        }),
      ),
    );
    const names = orders.map(({ tenant }) => tenant.schema).sort();
    expect(names).toEqual(
      Array.from({ length: 20 }, (_, index) => `client_${String(index + 1).padStart(3, "0")}`),
    );
  });

  it("come back when the order they were given to is rolled back", async () => {
    const taken = control.transaction().execute(async (transaction) => {
      const name = await nextSchemaName(transaction, "shop", shop.schemaNaming, "K");
      throw new Error(name);
    });
    await expect(taken).rejects.toThrow("client_021");
    const { tenant } = await acceptLicense(installation, {
      blueprint: "shop",
      adminUsername: undefined,
      adminPassword: undefined,
    });
    expect(tenant.schema).toBe("client_021");
  });
});

describe("a role's name", () => {
  it("is as long as PostgreSQL keeps, and differs between tenants of one schema name", () => {
    const long = roleName("s".repeat(63), "01900000-0000-7000-8000-0123456789ab");
    expect(Buffer.byteLength(long)).toBe(63);
    expect(roleName("client_001", "01900000-0000-7000-8000-0123456789ab")).not.toBe(
      roleName("client_001", "01900000-0000-7000-8000-0123456789ac"),
    );
  });
});
