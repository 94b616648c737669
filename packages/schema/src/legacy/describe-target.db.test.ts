import { afterAll, describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../../test/support/database.ts";
import { compileBlueprint } from "../blueprint/compile.ts";
import { createPool } from "../pool.ts";
import { describeTarget } from "./describe-target.ts";
import { odd } from "./testing/odd-blueprint.ts";

const { url } = await createTestDatabase();
const pool = createPool({
  connectionString: url,
  applicationName: "describe-target",
  max: 2,
  statementTimeout: 60_000,
  lockTimeout: 10_000,
  idleInTransactionTimeout: 60_000,
  onConnectionLost: () => undefined,
});
const { tables } = await describeTarget(pool, await compileBlueprint(odd));
const table = (name: string) => tables.find((each) => each.name === name);

afterAll(() => pool.end());

describe("a blueprint's description", () => {
  it("leaves nothing in the database", async () => {
    const { rows } = await withAdmin(url, (client) =>
      client.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'tenantry_description%'"),
    );
    expect(rows).toEqual([]);
  });

  it("names the blueprint's tables, and not Tenantry's own", () => {
    expect(tables.map(({ name }) => name)).toEqual(["notes", "pairs", "people", "rooms", "teams", "users"]);
  });

  it("tells which columns are numbered, identity or serial", () => {
    const numbered = tables.flatMap(({ name, columns }) =>
      columns.filter(({ identity }) => identity).map((column) => `${name}.${column.name}`),
    );
    expect(numbered).toEqual(["notes.id", "people.id", "rooms.id", "teams.id", "users.id"]);
  });

  it("tells what is unique without the columns that an index only carries along", () => {
    expect(table("rooms")?.unique).toEqual([["id"], ["label"]]);
  });

  it("tells the seeded rows, also of a key of two columns", () => {
    expect(table("teams")).toMatchObject({ seeded: ["7"], hasRows: true });
    expect(table("pairs")).toMatchObject({ seeded: [], hasRows: true });
    expect(table("users")).toMatchObject({ seeded: [], hasRows: false });
  });

  it("tells the triggers that are on, and those in a mode of their own", () => {
    expect(table("notes")).toMatchObject({
      hasTriggers: true,
      oddTriggers: [
        { name: "fire_b", mode: "ENABLE ALWAYS" },
        { name: "fire_c", mode: "DISABLE" },
      ],
    });
    expect(table("rooms")).toMatchObject({ hasTriggers: false, oddTriggers: [] });
  });

  it("tells the values that a check allows, as text", () => {
    expect(table("pairs")?.columns.find(({ name }) => name === "grade")?.oneOf).toEqual(["1", "2", "3"]);
  });
});
