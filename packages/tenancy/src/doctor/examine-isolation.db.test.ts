import { beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../../test/support/database.ts";
import { NOTES_ORDER, notes } from "../../../../test/support/notes-blueprint.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import { type ReadyTenant, readyTenants } from "../../../../test/support/tenants.ts";
import { examineIsolation } from "./examine-isolation.ts";
import type { Finding } from "./finding.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [notes] });
const { ctx } = installation;
const gateway = `tenantry_${ctx.installationId}_gateway_1`;
const owner = decodeURIComponent(new URL(database.url).username);
const asAdmin = (statement: string) => withAdmin(database.adminUrl, (client) => client.query(statement));
const problems = async (): Promise<Finding[]> =>
  (await examineIsolation(ctx)).filter(({ severity }) => severity === "problem");

/** Digs a hole and gives what the doctor says; then does what it says, and expects that nothing is left. */
async function dig(hole: string): Promise<Finding[]> {
  await asAdmin(hole);
  const found = await problems();
  for (const { remedy } of found)
    await asAdmin((remedy ?? "").replace(/^(Run: |In this database, [^:]+:\n)/, ""));
  expect(await problems()).toEqual([]);
  return found;
}

describe("the doctor's look at isolation", () => {
  let one: ReadyTenant["row"];
  let two: ReadyTenant["row"];

  beforeAll(async () => {
    await installation.work();
    const tenants = (await readyTenants(installation, 2, NOTES_ORDER)) as [ReadyTenant, ReadyTenant];
    // Ordered at once, they come in any order; the doctor tries the door as the one that came first.
    [one, two] = tenants.map(({ row }) => row).sort((a, b) => a.ordinal - b.ordinal) as [
      typeof one,
      typeof two,
    ];
  });

  it("finds nothing where nothing is, and says what it looked at", async () => {
    const findings = await examineIsolation(ctx);
    expect(findings.filter(({ severity }) => severity === "problem")).toEqual([]);
    expect(new Set(findings.map(({ check }) => check)).size).toBeGreaterThanOrEqual(14);
  });

  it.each([
    ["a tenant's role with powers", () => `ALTER ROLE ${one.role_name} BYPASSRLS`, "powers", "BYPASSRLS"],
    ["a gateway with powers", () => `ALTER ROLE ${gateway} CREATEDB`, "powers", "CREATEDB"],
    [
      "somebody who can act as a tenant",
      () =>
        `DROP ROLE IF EXISTS ${owner}_spy; CREATE ROLE ${owner}_spy; GRANT ${one.role_name} TO ${owner}_spy`,
      "memberships",
      "_spy",
    ],
    ["a tenant in another's role", () => `GRANT ${two.role_name} TO ${one.role_name}`, "groups", "member of"],
    [
      "a tenant who reads all",
      () => `GRANT pg_read_all_data TO ${one.role_name}`,
      "groups",
      "pg_read_all_data",
    ],
    [
      "a schema that is open to another tenant",
      () => `GRANT USAGE ON SCHEMA ${one.schema_name} TO ${two.role_name}`,
      "schemas",
      "USAGE",
    ],
    [
      "a schema that is open to all",
      () => `GRANT USAGE ON SCHEMA ${one.schema_name} TO PUBLIC`,
      "schemas",
      "PUBLIC",
    ],
    [
      "a tenant who may make tables",
      () => `GRANT CREATE ON SCHEMA ${one.schema_name} TO ${one.role_name}`,
      "schemas",
      "CREATE",
    ],
    [
      "a schema of somebody else's",
      () => `ALTER SCHEMA ${one.schema_name} OWNER TO ${gateway}`,
      "owners",
      gateway,
    ],
    [
      "a table that shows its statistics",
      () => `GRANT SELECT ON ${one.schema_name}.notes TO PUBLIC`,
      "tables",
      "pg_stats",
    ],
    [
      "a default that opens tables to come",
      () =>
        `ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} IN SCHEMA ${one.schema_name} GRANT SELECT ON TABLES TO PUBLIC`,
      "default privileges",
      "PUBLIC",
    ],
    ["an open control schema", () => "GRANT USAGE ON SCHEMA tenantry TO PUBLIC", "control schema", "PUBLIC"],
    [
      "an open table of licenses",
      () => "GRANT SELECT ON tenantry.licenses TO PUBLIC",
      "control schema",
      "licenses",
    ],
    [
      "another schema that gateways may use",
      () => `CREATE SCHEMA IF NOT EXISTS extra; GRANT USAGE ON SCHEMA extra TO ${gateway}`,
      "other schemas",
      "extra",
    ],
    [
      "a function with its owner's rights and no path",
      () =>
        `CREATE FUNCTION ${one.schema_name}.f() RETURNS int LANGUAGE sql SECURITY DEFINER RETURN 1; REVOKE ALL ON FUNCTION ${one.schema_name}.f() FROM PUBLIC`,
      "functions",
      "search_path",
    ],
    [
      "a role that begins elsewhere",
      () => `ALTER ROLE ${gateway} SET search_path = ${two.schema_name}`,
      "search paths",
      gateway,
    ],
    ["schema public left open", () => "GRANT USAGE ON SCHEMA public TO PUBLIC", "server", "schema public"],
    [
      "large objects left open",
      () => "GRANT EXECUTE ON FUNCTION pg_catalog.lo_create(oid) TO PUBLIC",
      "server",
      "large objects",
    ],
  ])("finds %s, and what it says mends it", async (_, hole, check, word) => {
    const found = await dig(hole());
    expect(found).toContainEqual(
      expect.objectContaining({ check, detail: expect.stringContaining(word), severity: "problem" }),
    );
  });

  it("finds a gateway that can't log in", async () => {
    await asAdmin(`ALTER ROLE ${gateway} NOLOGIN`);
    await ctx.placements.main.gateways.drop(gateway);
    expect(await problems()).toMatchObject([{ check: "gateways" }]);
    await asAdmin(`ALTER ROLE ${gateway} LOGIN`);
    expect(await problems()).toEqual([]);
  });
});
