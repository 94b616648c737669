import { beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../test/support/database.ts";
import {
  type LimitedTenant,
  newTenant,
  openTransaction,
  passes,
  settled,
} from "../../../test/support/limits.ts";
import { openTestInstallation } from "../../../test/support/tenantry.ts";
import { limitError, limitUse } from "./limits.ts";
import { placementOf } from "./placement.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url });
const { ctx } = installation;
const owner = (await placementOf(ctx, { placement: "default" })).provisioning;

beforeAll(async () => {
  await installation.work();
});

describe("the tenant's role can't get round it", () => {
  let tenant: LimitedTenant;
  let other: LimitedTenant;
  beforeAll(async () => {
    [tenant, other] = [await newTenant(installation, 1), await newTenant(installation, 1)];
    // What Tenantry takes from everybody where it may: limits hold without it.
    await withAdmin(database.adminUrl, (admin) =>
      admin.query(`DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database()); END $$;
        GRANT USAGE ON LANGUAGE plpgsql TO PUBLIC`),
    );
  });

  const attempt = async (...statements: string[]): Promise<unknown> => {
    const client = await openTransaction(database, tenant, "hostile");
    for (const statement of statements) await client.query(statement);
    return client.query("COMMIT");
  };

  const HOSTILE: [name: string, statement: (other: LimitedTenant) => string][] = [
    ["look at it", () => "SELECT * FROM tenantry_limits"],
    ["raise it", () => "UPDATE tenantry_limits SET maximum = 99"],
    ["remove it", () => "DELETE FROM tenantry_limits"],
    ["truncate it", () => "TRUNCATE tenantry_limits"],
    ["add to it", () => "INSERT INTO tenantry_limits VALUES ('x', 1)"],
    ["hold everybody up", () => "LOCK TABLE tenantry_limits IN ROW EXCLUSIVE MODE"],
    ["lock its rows", () => "SELECT * FROM tenantry_limits FOR UPDATE"],
    ["look at another's", (them) => `SELECT * FROM "${them.schema_name}".tenantry_limits`],
    ["drop the trigger", () => "DROP TRIGGER tenantry_limit_insert ON users"],
    ["disable the trigger", () => "ALTER TABLE users DISABLE TRIGGER ALL"],
    ["pass for a replica", () => "SET LOCAL session_replication_role = replica"],
    [
      "replace the function",
      () => "CREATE OR REPLACE FUNCTION tenantry_hold_limit() RETURNS trigger LANGUAGE sql AS ''",
    ],
    ["alter the function", () => "ALTER FUNCTION tenantry_hold_limit() SECURITY INVOKER"],
    ["call the function", () => "SELECT tenantry_hold_limit()"],
    ["inherit from the table", () => "CREATE TEMPORARY TABLE heir () INHERITS (users)"],
    [
      "have the function run for a table of its own",
      () => `CREATE TEMPORARY TABLE bait (is_active boolean);
        CREATE TRIGGER t AFTER INSERT ON bait REFERENCING NEW TABLE AS arrivals
        FOR EACH STATEMENT EXECUTE FUNCTION tenantry_hold_limit('users', 'TN101', 'is_active')`,
    ],
    [
      "have another's function run for a table of its own",
      (them) => `CREATE TEMPORARY TABLE bait (is_active boolean);
        CREATE TRIGGER t AFTER INSERT ON bait REFERENCING NEW TABLE AS arrivals
        FOR EACH STATEMENT EXECUTE FUNCTION "${them.schema_name}".tenantry_hold_limit('users', 'TN101', 'is_active')`,
    ],
  ];
  it.each(HOSTILE)("%s", async (_, statement) => {
    const outcome = await settled(attempt(statement(other)));
    expect(outcome).toMatch(/^42501$|^42809$|^0A000$/);
    expect(await limitUse(ctx, tenant)).toMatchObject({ users: { used: 1, max: 1 } });
  });

  it("shadow what the function reads", async () => {
    const error = await attempt(
      "CREATE TEMPORARY TABLE tenantry_limits (name text, maximum integer)",
      "INSERT INTO pg_temp.tenantry_limits VALUES ('users', 99)",
      "CREATE TEMPORARY TABLE users (is_active boolean)",
      "CREATE TEMPORARY TABLE arrivals (is_active boolean)",
      "CREATE TEMPORARY TABLE pg_trigger (tgfoid oid)",
      "CREATE DOMAIN pg_temp.text AS integer",
      "CREATE FUNCTION pg_temp.format(text, name) RETURNS text LANGUAGE sql AS $$ SELECT 'select 1' $$",
      `SET LOCAL search_path = pg_temp, pg_catalog, "${tenant.schema_name}"`,
      `INSERT INTO "${tenant.schema_name}".users (username, email) VALUES ('x', 'x')`,
    ).catch((refusal: unknown) => refusal);
    expect(limitError(error)).toMatchObject(passes("1 user", 2));
  });

  it("be refused in the function itself, were its rights ever given", async () => {
    await owner.query(`GRANT EXECUTE ON FUNCTION "${tenant.schema_name}".tenantry_hold_limit() TO PUBLIC`);
    const outcome = settled(
      attempt(
        "CREATE TEMPORARY TABLE bait (is_active boolean)",
        `CREATE TRIGGER t AFTER INSERT ON bait REFERENCING NEW TABLE AS arrivals
         FOR EACH STATEMENT EXECUTE FUNCTION tenantry_hold_limit('users', 'TN101', 'is_active')`,
        "INSERT INTO bait VALUES (true)",
      ),
    );
    expect(await outcome).toBe("42501");
  });
});
