import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import type { Client } from "pg";
import { describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../../../test/support/database.ts";
import { schemaSnapshot } from "../../../../../test/support/schema-snapshot.ts";
import { compileBlueprint, ledgerTablesScript } from "../../blueprint/compile.ts";
import { roleSettingScript } from "../../blueprint/tenant-rights.ts";
import { booking } from "../../blueprints/booking/index.ts";
import { erp } from "../../blueprints/erp/index.ts";
import { CONTROL_SCHEMA, migrateControlSchema } from "../../control/migrate.ts";
import { quoteIdentifier } from "../../identifier.ts";
import { createPool, type PoolClient } from "../../pool.ts";
import { readDefinition, type SchemaDefinition, schemaFingerprint } from "./read-definition.ts";
import { EVERYTHING, NEWER } from "./testing/everything.ts";

const { url, adminUrl } = await createTestDatabase();
const version = await withAdmin(url, async (client) => {
  const { rows } = await client.query("SELECT current_setting('server_version_num')::int AS number");
  return Math.floor(rows[0].number / 10_000);
});
const everything = EVERYTHING + (version >= 18 ? NEWER : "");

/** A schema as provisioning makes it, open to its role, in a transaction that stays open; ready to be filled. */
async function openSchema(client: Client, schema: string, quote = '"'): Promise<string> {
  const role = `ro${quote}le_${randomBytes(6).toString("hex")}`;
  const [quoted, to] = [quoteIdentifier(schema), quoteIdentifier(role)];
  await client.query(
    `BEGIN; CREATE ROLE ${to}; CREATE SCHEMA ${quoted}; SET LOCAL search_path = ${quoted}; ${roleSettingScript(role)}
     ALTER DEFAULT PRIVILEGES IN SCHEMA ${quoted} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${to}`,
  );
  return role;
}

async function read(client: Client, schema: string): Promise<SchemaDefinition> {
  await client.query(`SET LOCAL search_path = ${quoteIdentifier(schema)}`);
  return readDefinition(client as unknown as PoolClient, schema);
}

async function load(client: Client, definition: SchemaDefinition): Promise<void> {
  await client.query(definition.before);
  await client.query(definition.after);
}

/** Builds a schema from SQL, then another from its definition; nothing of it stays. */
async function twice(sql: string) {
  return withAdmin(url, async (client) => {
    const role = await openSchema(client, 'fr"om');
    await client.query(sql.replaceAll(":role", quoteIdentifier(role)));
    const original = await read(client, 'fr"om');
    await openSchema(client, 'in"to');
    await load(client, original);
    const copy = await read(client, 'in"to');
    await client.query("ROLLBACK");
    return { original, copy };
  });
}

/** PostgreSQL may set other parentheses about the same OR when it has read what it printed. */
function expectAlike(copy: SchemaDefinition, original: SchemaDefinition): void {
  const flat = (definition: SchemaDefinition) => ({
    ...definition,
    after: definition.after.replaceAll(/[()]/g, ""),
  });
  expect(flat(copy)).toEqual(flat(original));
}

describe("a schema's definition", () => {
  it("makes the same schema under another name", async () => {
    const { original, copy } = await twice(everything);
    expect(original.unsupported).toEqual([]);
    expect(copy.before).toBe(original.before);
    expect(copy.after).toBe(original.after);
    expect(copy).toEqual(original);
    expect(original.before + original.after).not.toMatch(/fr"+om|ro"+le/);
  });

  it("leaves nothing out, by another's account: pg_dump's where it can read this server", async () => {
    const [from, to] = [`first_${version}`, `other_${version}`];
    const roles: string[] = [];
    await withAdmin(url, async (client) => {
      roles.push(await openSchema(client, from, ""));
      await client.query(everything.replaceAll(":role", quoteIdentifier(roles[0] ?? "")));
      const definition = await read(client, from);
      roles.push(await openSchema(client, to, ""));
      await load(client, definition);
      await client.query("COMMIT");
    });
    const account = async (schema: string, role: string): Promise<string> =>
      (await accountOf(schema)).replaceAll(schema, "<schema>").replaceAll(role, "<role>");
    const copy = await account(to, roles[1] ?? "");
    expect(copy).toBe(await account(from, roles[0] ?? ""));
    expect(copy.split("\n").length).toBeGreaterThan(200);
  });

  it.each([erp, booking])("makes a tenant of blueprint $name anew", async (blueprint) => {
    const compiled = await compileBlueprint(blueprint as never);
    const { original, copy } = await twice(ledgerTablesScript() + compiled.createScript);
    expect(original.unsupported).toEqual([]);
    expectAlike(copy, original);
    expect(original.tables.length).toBeGreaterThanOrEqual(compiled.tableCount + 2);
  });

  it("makes the control schema anew", async () => {
    const pool = createPool({
      connectionString: url,
      applicationName: "test",
      max: 1,
      statementTimeout: 30_000,
      lockTimeout: 30_000,
      idleInTransactionTimeout: 15_000,
      onConnectionLost: () => undefined,
    });
    await migrateControlSchema(pool);
    await pool.end();
    await withAdmin(url, async (client) => {
      await client.query("BEGIN");
      const original = await read(client, CONTROL_SCHEMA);
      await client.query("CREATE SCHEMA anew; SET LOCAL search_path = anew");
      await load(client, original);
      const copy = await read(client, "anew");
      expect(original.unsupported).toEqual([]);
      expectAlike(copy, original);
      // What finds its tables by a path of its own finds the new schema's.
      const { rows } = await client.query(
        "SELECT DISTINCT setting FROM pg_proc, unnest(proconfig) AS setting WHERE pronamespace = 'anew'::regnamespace ORDER BY 1",
      );
      expect(rows.map(({ setting }) => setting)).toEqual(['search_path=""', "search_path=anew"]);
      await client.query("ROLLBACK");
    });
  });

  it("holds a table of 1,600 columns with the longest names", async () => {
    // 63 bytes each, the most that a name may have.
    const columns = Array.from({ length: 1_600 }, (_, n) =>
      quoteIdentifier(`${String(n).padStart(4, "0")}"${"ü".repeat(29)}`),
    );
    const { original, copy } = await twice(`create table wide (${columns.join(" int default 1, ")} int)`);
    expect(original.tables[0]?.columns).toHaveLength(1_600);
    expect(copy).toEqual(original);
  });

  it("isn't misled by tables and functions that are named like the catalog's", async () => {
    const { original, copy } = await twice(`
      create table pg_class (oid oid, relname name); create table pg_depend (classid oid, objid oid); create view pg_namespace as select 1 as oid;
      create function format(text, variadic text[]) returns text language sql as $f$ select 'caught' $f$;
      create function pg_get_expr(pg_node_tree, oid) returns text language sql as $f$ select 'caught' $f$;
      create function set_config(text, text, boolean) returns text language sql as $f$ select 'caught' $f$;
      create function now() returns timestamptz language sql as $f$ select null::timestamptz $f$;
      create table text (date pg_catalog.date default pg_catalog.now(), other timestamptz default now());
      create type name as (a text); create table uses (a name, b pg_catalog.name, c text[], d pg_catalog.text);`);
    expect(original.tables.map(({ name }) => name)).toEqual(["pg_class", "pg_depend", "text", "uses"]);
    expect(original.before + original.after).not.toContain("caught',");
    expect(copy).toEqual(original);
  });

  it("names what it doesn't hold", async () => {
    const sql = `create function same(point, point) returns boolean language sql as 'select true';
      create operator === (function = same, leftarg = point, rightarg = point);
      create text search configuration plain (copy = simple); create table fine (id integer)`;
    const { original, copy } = await twice(sql);
    expect(original.unsupported).toEqual(
      ['operator "fr""om".===(pg_catalog.point,pg_catalog.point)', "text search configuration plain"].sort(),
    );
    expect(copy.unsupported).toEqual([]);
    expect(copy.fingerprint).toBe(original.fingerprint);
  });

  it("names what lies outside the schema and would be lost", async () => {
    await withAdmin(adminUrl, async (client) => {
      await openSchema(client, "outside");
      const other = `other_${randomBytes(4).toString("hex")}`;
      await client.query(`CREATE ROLE ${other}; GRANT CREATE ON SCHEMA outside TO ${other};
        CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE q (p int REFERENCES p);
        CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TYPE mood AS ENUM ('good')`);
      expect((await read(client, "outside")).unsupported).toEqual([]);
      await client.query(`ALTER TABLE q DISABLE TRIGGER ALL; ALTER FUNCTION f() OWNER TO ${other}; ALTER TYPE mood OWNER TO ${other};
        CREATE PUBLICATION changes FOR TABLE p; CREATE PUBLICATION everything FOR TABLES IN SCHEMA outside;
        ALTER DEFAULT PRIVILEGES FOR ROLE ${other} IN SCHEMA outside GRANT SELECT ON TABLES TO PUBLIC;
        INSERT INTO pg_seclabel (objoid, classoid, objsubid, provider, label) VALUES
          ('p'::regclass, 'pg_class'::regclass, 1, 'test', 'x'), ('outside'::regnamespace, 'pg_namespace'::regclass, 0, 'test', 'x')`);
      expect((await read(client, "outside")).unsupported).toEqual([
        "another owner of f",
        "another owner of mood",
        `default rights that ${other} gives`,
        "publication changes of p",
        "publication namespace outside in publication everything",
        "security label of outside",
        "security label of p",
        "switched-off foreign key of q",
      ]);
      await client.query("ROLLBACK");
    });
  });

  it("brings back what is said of the schema itself, and who else may enter it", async () => {
    await withAdmin(adminUrl, async (client) => {
      const role = await openSchema(client, "doors");
      const other = `ot"her_${randomBytes(4).toString("hex")}`;
      await client.query(`CREATE ROLE ${quoteIdentifier(other)}; COMMENT ON SCHEMA doors IS 'it''s %I'; GRANT USAGE ON SCHEMA doors TO PUBLIC;
        GRANT USAGE, CREATE ON SCHEMA doors TO ${quoteIdentifier(role)};
        GRANT USAGE ON SCHEMA doors TO ${quoteIdentifier(other)} WITH GRANT OPTION; CREATE TABLE t (id int); GRANT SELECT ON t TO ${quoteIdentifier(other)}`);
      const original = await read(client, "doors");
      const tenant = await openSchema(client, "elsewhere");
      await load(client, original);
      const { rows } = await client.query(
        `SELECT obj_description('elsewhere'::regnamespace, 'pg_namespace') AS note, has_schema_privilege($1, 'elsewhere', 'USAGE WITH GRANT OPTION') AS other,
           has_schema_privilege($2, 'elsewhere', 'CREATE') AS tenant, has_schema_privilege('pg_monitor', 'elsewhere', 'USAGE') AS everybody`,
        [other, tenant],
      );
      expect(rows).toEqual([{ note: "it's %I", other: true, tenant: true, everybody: true }]);
      const copy = await read(client, "elsewhere");
      expect(copy.fingerprint).toBe(original.fingerprint);
      // Another server needn't have the other role.
      await client.query(
        `REVOKE ALL ON SCHEMA elsewhere FROM ${quoteIdentifier(other)}; REVOKE ALL ON t FROM ${quoteIdentifier(other)}`,
      );
      expect((await read(client, "elsewhere")).fingerprint).toBe(original.fingerprint);
      await client.query("COMMENT ON SCHEMA elsewhere IS 'other'");
      expect((await read(client, "elsewhere")).fingerprint).not.toBe(original.fingerprint);
      await client.query("ROLLBACK");
    });
  });

  it("can be loaded where the tenant's role and others that had rights aren't", async () => {
    await withAdmin(url, async (client) => {
      const role = await openSchema(client, "with_roles");
      const other = `other_${randomBytes(4).toString("hex")}`;
      await client.query(everything.replaceAll(":role", quoteIdentifier(role)));
      await client.query(`CREATE ROLE ${other}; GRANT SELECT ON base TO ${other}`);
      const definition = await read(client, "with_roles");
      expect(definition.unsupported).toEqual([]);
      await client.query(
        `REVOKE SELECT ON base FROM ${other}; DROP ROLE ${other}; SET LOCAL tenantry.role = ''`,
      );
      await client.query("CREATE SCHEMA without_roles; SET LOCAL search_path = without_roles");
      await load(client, definition);
      const { rows } = await client.query(
        "SELECT count(*)::int AS tables FROM pg_tables WHERE schemaname = 'without_roles'",
      );
      expect(rows[0].tables).toBeGreaterThan(15);
      await client.query("ROLLBACK");
    });
  });

  it("words triggers as PostgreSQL does", async () => {
    await withAdmin(url, async (client) => {
      await client.query("CREATE SCHEMA elsewhere");
      await openSchema(client, "trig'gers");
      await client.query(`CREATE TABLE t (id integer, "a b" text, c text); CREATE VIEW v AS SELECT * FROM t;
        CREATE FUNCTION "do it"() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE FUNCTION elsewhere.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER "1 st" BEFORE INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION "do it"();
        CREATE TRIGGER columns AFTER UPDATE OF c, "a b" OR INSERT ON t FOR EACH ROW EXECUTE FUNCTION elsewhere.f();
        CREATE TRIGGER emptied BEFORE TRUNCATE ON t FOR EACH STATEMENT EXECUTE FUNCTION "do it"();
        CREATE TRIGGER whole AFTER UPDATE ON t REFERENCING NEW TABLE AS "n ew" OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION "do it"();
        CREATE TRIGGER news AFTER INSERT ON t REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION "do it"();
        CREATE TRIGGER instead INSTEAD OF INSERT OR DELETE ON v FOR EACH ROW EXECUTE FUNCTION "do it"();
        CREATE TRIGGER same BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
        CREATE TRIGGER asked BEFORE UPDATE ON t FOR EACH ROW WHEN (old.id <> new.id) EXECUTE FUNCTION "do it"();
        CREATE TRIGGER told BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION "do it"('x', 'it''s');
        CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION "do it"()`);
      const { after } = await read(client, "trig'gers");
      const { rows } = await client.query<{ text: string }>(
        "SELECT replace(pg_get_triggerdef(oid), format(' ON %I.', 'trig''gers'), ' ON ') AS text FROM pg_trigger WHERE tgname !~ 'same' AND tgfoid::regproc::text ~ 'do it|elsewhere'",
      );
      expect(rows).toHaveLength(9);
      expect(rows.filter(({ text }) => !after.includes(`${text};\n`))).toEqual([]);
      expect(after).toContain("EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()");
      await client.query("ROLLBACK; DROP SCHEMA elsewhere CASCADE");
    });
  });

  it("leaves the path as it found it", async () => {
    await withAdmin(url, async (client) => {
      await client.query("BEGIN; CREATE SCHEMA alone; SET LOCAL search_path = alone");
      await load(client, await readDefinition(client as unknown as PoolClient, "alone"));
      expect((await client.query("SHOW search_path")).rows).toEqual([{ search_path: "alone" }]);
      await client.query("ROLLBACK");
    });
  });
});

/** Each changes one thing about the schema of everything. */
const CHANGES = [
  "alter table child alter number set default 4",
  "alter table child alter parent_id drop not null",
  "alter table child add column more integer",
  'alter table child drop constraint "fk%I"',
  "alter table child validate constraint unsure",
  "alter table child disable row level security",
  "alter table child set (fillfactor = 80)",
  "alter table child set without cluster",
  "alter table child replica identity default",
  "alter table base set unlogged",
  "alter table child disable trigger with_tables",
  "alter table child alter size set storage external",
  'alter table "par""ent" alter id set generated always',
  'alter table "par""ent" alter id set increment by 4',
  'alter table "par""ent" alter note set compression default',
  "alter table parted detach partition parted_1",
  "alter table heir no inherit base",
  "alter sequence loose no cycle",
  "alter sequence child_id_seq owned by none",
  `alter type "mo""od" add value 'new'`,
  "alter domain small drop not null",
  "alter index by_function set (fillfactor = 71)",
  'drop index "lo""wer"',
  'drop statistics "st""at"',
  "drop policy mine on child",
  'alter policy "po""l" on child using (parent_id > 4)',
  'drop rule "ru""le" on second',
  "drop aggregate total (numeric) cascade",
  "alter function touch() reset search_path",
  "alter function touch() security definer",
  "create or replace function scaled(value numeric) returns numeric language sql immutable as 'select (value) * 3'",
  'create or replace view by_key as select id, "na""me", (amount + 1)::numeric(12, 3) as amount from "par""ent" group by id',
  "alter view moods reset (security_barrier)",
  "refresh materialized view unready",
  "comment on table child is 'other'",
  "comment on column child.size is 'other'",
  "grant delete on child to :role",
  "revoke select on base from :role",
  "grant select on child to public",
  "grant execute on function touch() to public",
  "alter default privileges in schema changing grant usage on sequences to :role",
];

describe("a schema's fingerprint", () => {
  it("isn't the same after any change, and the same again when it is undone", async () => {
    await withAdmin(url, async (client) => {
      const role = quoteIdentifier(await openSchema(client, "changing"));
      await client.query(EVERYTHING.replaceAll(":role", role));
      const before = await schemaFingerprint(client, "changing");
      const unseen: string[] = [];
      for (const change of CHANGES) {
        await client.query("SAVEPOINT as_it_was");
        await client.query(change.replaceAll(":role", role));
        if ((await schemaFingerprint(client, "changing")) === before) unseen.push(change);
        await client.query("ROLLBACK TO as_it_was");
      }
      expect(unseen).toEqual([]);
      expect(await schemaFingerprint(client, "changing")).toBe(before);
      await client.query("ROLLBACK");
    });
  });
});

/** How somebody else describes a schema: `pg_dump`, or the tests' own queries where it is too old for the server. */
async function accountOf(schema: string): Promise<string> {
  const pgDump = await promisify(execFile)("pg_dump", ["--version"]).catch(() => undefined);
  const known = Number(/(\d+)\./.exec(pgDump?.stdout ?? "")?.[1] ?? 0);
  if (known < version) {
    const lines = await withAdmin(url, (client) => schemaSnapshot(client, schema));
    // Dropped columns leave gaps in the numbers, and what an heir inherits late comes earlier in its copy.
    return lines
      .map((line) => line.replace(/^(column: .*?)\.\d+ /, "$1 "))
      .sort()
      .join("\n");
  }
  const dump = await promisify(execFile)("pg_dump", ["-s", "-n", quoteIdentifier(schema), url], {
    maxBuffer: 1e8,
  });
  // Each dump has a key of its own there.
  return dump.stdout.replaceAll(/^\\(un)?restrict .*$/gm, "");
}
