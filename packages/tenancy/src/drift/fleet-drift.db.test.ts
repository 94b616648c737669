import { compileBlueprint, ledgerRowsScript } from "@tenantry/schema";
import { describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../../test/support/database.ts";
import { hold } from "../../../../test/support/locks.ts";
import { performedLicense } from "../../../../test/support/perform.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import { WORKSHOP_ORDER, workshop } from "../../../../test/support/workshop-blueprint.ts";
import { keepSpares } from "../warm/keep-spares.ts";
import { type FleetDriftInput, fleetDrift, type TenantDrift } from "./fleet-drift.ts";

const database = await createTestDatabase();
const older = await openTestInstallation({ databaseUrl: database.url, blueprints: [workshop(1)] });
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [workshop()] });
const { ctx } = installation;

const ask = (statement: string, url = database.url) =>
  withAdmin(url, async (client) => (await client.query(statement)) as { rows: Record<string, unknown>[] });

/** A tenant's names; statements on it find its tables without a schema. */
async function tenantOf(key: string) {
  const {
    schema_name: schema,
    role_name: role,
    id,
  } = await ctx.control
    .selectFrom("tenants")
    .innerJoin("licenses", "licenses.id", "tenants.license_id")
    .select(["tenants.id", "schema_name", "role_name"])
    .where("licenses.key", "=", key)
    .executeTakeFirstOrThrow();
  return { key, id, schema, role, run: (sql: string) => ask(`SET search_path = ${schema}; ${sql}`) };
}
const made = async (from = installation) => tenantOf(await performedLicense(from, WORKSHOP_ORDER));

async function all(results: AsyncIterable<TenantDrift>): Promise<TenantDrift[]> {
  const found: TenantDrift[] = [];
  for await (const result of results) found.push(result);
  return found;
}

async function look(licenseKey: string, options: Partial<FleetDriftInput> = {}): Promise<TenantDrift> {
  const found = await all(fleetDrift(ctx, { fix: false, licenseKeys: [licenseKey], ...options }));
  const [only] = found;
  if (only === undefined || found.length > 1) throw new Error(`expected one result, got ${found.length}`);
  return only;
}
const told = ({ differences }: TenantDrift): string[] =>
  differences
    .map(({ state, kind, object, fixable }) => `${state} ${kind} ${object}${fixable ? " *" : ""}`)
    .sort();

describe("drift", () => {
  it("is none for a tenant that was ready-made under another name", async () => {
    expect(await keepSpares(ctx, { wanted: 1 })).toMatchObject({ made: 1 });
    const { key } = await made();
    expect(await look(key)).toMatchObject({ state: "clean", differences: [] });
    const { result } = await ctx.control.selectFrom("operations").select("result").executeTakeFirstOrThrow();
    expect(result).toMatchObject({ warm: true });
  });

  it("is none for tenants of any version, made so, upgraded or renamed", async () => {
    const [first, old, upgraded, renamed] = [
      await made(),
      await made(older),
      await made(older),
      await made(),
    ];
    const { migrations } = await compileBlueprint(workshop());
    await upgraded.run(
      `SET tenantry.role = '${upgraded.role}'; ${migrations[1]?.sql} ${ledgerRowsScript(["0002_notes"], new Date())}`,
    );
    await ctx.control
      .updateTable("tenants")
      .set({ version: "0002_notes" })
      .where("id", "=", upgraded.id)
      .execute();
    await ask(`ALTER SCHEMA ${renamed.schema} RENAME TO workshop_other`);
    await ctx.control
      .updateTable("tenants")
      .set({ schema_name: "workshop_other" })
      .where("id", "=", renamed.id)
      .execute();
    for (const { key } of [first, upgraded, renamed]) {
      expect(await look(key)).toMatchObject({ state: "clean", differences: [], version: "0002_notes" });
    }
    expect(await look(old.key)).toMatchObject({ state: "clean", differences: [], version: "0001_jobs" });
    const fleet = await all(fleetDrift(ctx, { fix: false, blueprint: "workshop" }));
    expect(fleet.map(({ state }) => state)).toEqual(Array.from({ length: 5 }, () => "clean"));
  });

  it("names what is missing, and makes it; a second look finds nothing", async () => {
    const tenant = await made();
    await tenant.run(`
      DROP VIEW open_jobs; DROP TRIGGER jobs_touch ON jobs; DROP FUNCTION touch_job();
      DROP INDEX jobs_customer; DROP INDEX jobs_title; ALTER TABLE jobs DROP CONSTRAINT jobs_price_check;
      ALTER TABLE jobs DROP CONSTRAINT jobs_customer_id_fkey; ALTER TABLE jobs ALTER state DROP DEFAULT, DROP hours, DROP note;
      ALTER TABLE customers ALTER name DROP NOT NULL; REVOKE INSERT, UPDATE ON jobs FROM ${tenant.role}`);
    const before = await look(tenant.key);
    expect(before.state).toBe("drifted");
    expect(told(before)).toEqual([
      "missing column jobs.hours *",
      "missing column jobs.note *",
      "missing constraint CONSTRAINT jobs_customer_id_fkey ON jobs *",
      "missing constraint CONSTRAINT jobs_price_check ON jobs *",
      "missing default jobs.state *",
      "missing function FUNCTION touch_job() *",
      "missing index INDEX jobs_customer *",
      "missing index INDEX jobs_title *",
      "missing not null customers.name *",
      "missing rights TABLE jobs tenant *",
      "missing trigger TRIGGER jobs_touch ON jobs *",
      "missing view VIEW open_jobs *",
    ]);
    const index = before.differences.find(({ object }) => object === "INDEX jobs_customer");
    expect(index).toMatchObject({
      expected: "CREATE INDEX jobs_customer ON jobs USING btree (customer_id)",
      found: null,
    });
    const fixed = await look(tenant.key, { fix: true });
    expect(fixed).toMatchObject({ state: "fixed", differences: [] });
    expect(fixed.fixed).toHaveLength(12);
    expect(await look(tenant.key)).toMatchObject({ state: "clean", differences: [] });
    const { rows } =
      await ask(`SELECT has_table_privilege('${tenant.role}', '${tenant.schema}.jobs', 'INSERT') AS may,
      has_function_privilege('public', '${tenant.schema}.touch_job()', 'EXECUTE') AS all_may`);
    expect(rows).toEqual([{ may: true, all_may: false }]);
  });

  it("tells what is extra or was changed, and never touches it", async () => {
    const tenant = await made();
    await tenant.run(`
      CREATE TABLE mine (id int PRIMARY KEY, v text); INSERT INTO mine VALUES (1, 'x'); CREATE INDEX mine_v ON mine (v);
      ALTER TABLE jobs ADD COLUMN colour text, ALTER price TYPE numeric(12, 2), ALTER state SET DEFAULT 'done';
      CREATE INDEX jobs_state ON jobs (state); CREATE SEQUENCE numbers; GRANT SELECT ON jobs TO PUBLIC;
      CREATE OR REPLACE FUNCTION touch_job() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
      CREATE OR REPLACE VIEW open_jobs WITH (security_invoker = true) AS SELECT id, title FROM jobs;
      CREATE TABLE legacy_orders (id text); ALTER TABLE jobs DISABLE TRIGGER jobs_touch`);
    const found = await look(tenant.key, { fix: true });
    expect(found).toMatchObject({ state: "drifted", fixed: [] });
    expect(told(found)).toEqual([
      "changed column jobs.price",
      "changed default jobs.state",
      "changed function FUNCTION touch_job()",
      "changed trigger TRIGGER jobs_touch ON jobs",
      "changed view VIEW open_jobs",
      "extra column jobs.colour",
      "extra index INDEX jobs_state",
      "extra rights TABLE jobs public",
      "extra sequence SEQUENCE numbers",
      "extra table legacy_orders",
      "extra table mine",
    ]);
    expect(found.differences.filter(({ kept }) => kept).map(({ object }) => object)).toEqual([
      "legacy_orders",
    ]);
    const { rows } = await ask(`SELECT v FROM ${tenant.schema}.mine`);
    expect(rows).toEqual([{ v: "x" }]);
  });

  it("counts what an import has kept as clean, and makes no table of lost rows anew", async () => {
    const kept = await made();
    await kept.run("CREATE TABLE legacy_clients (id text, note text)");
    expect(await look(kept.key)).toMatchObject({ state: "clean", differences: [{ kept: true }] });
    await kept.run("DROP TABLE jobs CASCADE");
    const lost = await look(kept.key, { fix: true });
    expect(told(lost)).toEqual([
      "extra table legacy_clients",
      "missing table jobs",
      "missing view VIEW open_jobs",
    ]);
    expect(lost).toMatchObject({ state: "drifted", fixed: [], error: null });
  });

  it("mends what it can beside what it can't", async () => {
    const tenant = await made();
    await tenant.run("ALTER TABLE customers DROP COLUMN id CASCADE; DROP INDEX jobs_customer");
    const found = await look(tenant.key, { fix: true });
    expect(found).toMatchObject({ state: "partly-fixed", fixed: [{ object: "INDEX jobs_customer" }] });
    expect(told(found)).toEqual([
      "missing column customers.id",
      "missing constraint CONSTRAINT customers_pkey ON customers",
      "missing constraint CONSTRAINT jobs_customer_id_fkey ON jobs",
    ]);
  });

  it("leaves a tenant as it was when something can't be mended", async () => {
    const tenant = await made();
    await tenant.run(
      `DROP INDEX jobs_customer; ALTER TABLE jobs DROP CONSTRAINT jobs_price_check; UPDATE jobs SET price = -1 WHERE id = 1`,
    );
    const failed = await look(tenant.key, { fix: true });
    expect(failed).toMatchObject({ state: "failed", error: expect.stringContaining("SQLSTATE 23514") });
    expect(failed.error).toContain("jobs_price_check");
    expect(told(await look(tenant.key))).toHaveLength(2);
    const release = await hold(database.url, `LOCK TABLE ${tenant.schema}.jobs IN ACCESS SHARE MODE`);
    await tenant.run("UPDATE jobs SET price = 1 WHERE id = 1");
    const busy = await look(tenant.key, { fix: true });
    expect(busy).toMatchObject({ state: "failed", error: expect.stringContaining("SQLSTATE 55P03") });
    await release();
    expect(await look(tenant.key, { fix: true })).toMatchObject({ state: "fixed" });
  });

  it("replaces an index that was left unfinished", async () => {
    const tenant = await made();
    await ask(
      `UPDATE pg_index SET indisvalid = false WHERE indexrelid = '${tenant.schema}.jobs_customer'::regclass`,
      database.adminUrl,
    );
    expect(told(await look(tenant.key))).toEqual(["changed index INDEX jobs_customer *"]);
    expect(await look(tenant.key, { fix: true })).toMatchObject({ state: "fixed", differences: [] });
  });

  it("tells of schemas that are gone, another's, or of another version than the registry says", async () => {
    const [gone, marked, ahead, lost] = [await made(), await made(), await made(), await made()];
    await ask(`ALTER SCHEMA ${gone.schema} RENAME TO workshop_gone`);
    await marked.run("UPDATE tenantry_tenant SET tenant_id = gen_random_uuid(); DROP INDEX jobs_customer");
    await ahead.run("INSERT INTO kysely_migration VALUES ('0009_future', 'x')");
    await lost.run("DROP TABLE kysely_migration");
    expect(told(await look(gone.key))).toEqual([`missing schema SCHEMA ${gone.schema}`]);
    const another = await look(marked.key, { fix: true });
    expect(another).toMatchObject({ state: "drifted", fixed: [] });
    expect(told(another)).toEqual([`changed schema SCHEMA ${marked.schema}`]);
    expect(told(await look(ahead.key))).toEqual([
      "changed version the registry's version",
      "extra version migration 0009_future",
    ]);
    expect(told(await look(lost.key))).toEqual(["missing version TABLE kysely_migration"]);
  });

  it("refuses what isn't there", async () => {
    await expect(look("NOPE-NOPE-NOPE-NOPE")).rejects.toMatchObject({ code: "LICENSE_NOT_FOUND" });
    await expect(all(fleetDrift(ctx, { fix: false, blueprint: "none" }))).rejects.toMatchObject({
      code: "BLUEPRINT_UNKNOWN",
    });
  });
});
