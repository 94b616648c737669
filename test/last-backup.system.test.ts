import { type Blueprint, defineBlueprint, revokeFromTenant } from "@tenantry/schema";
import { booking } from "@tenantry/schema/blueprints/booking";
import { erp } from "@tenantry/schema/blueprints/erp";
import { type DeleteTenantResult, deleteLicense } from "@tenantry/tenancy";
import { sql } from "kysely";
import Type from "typebox";
import { describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase, withAdmin } from "./support/database.ts";
import { fillTenant, ODD_TEXT } from "./support/fill-tenant.ts";
import { ended, orderLicense } from "./support/requests.ts";
import { backupSql, checksums, findPsql, loadWithDriver, loadWithPsql } from "./support/restore.ts";
import { schemaSnapshot } from "./support/schema-snapshot.ts";
import { openTestInstallation } from "./support/tenantry.ts";

const CALLER = { actor: "cli:test", apiKeyId: null, idempotency: null };

/** What the erp doesn't have: odd names, NOT VALID checks, triggers, partitions, sequences, types and views of its own. */
const odd = defineBlueprint({
  name: "odd",
  schemaNaming: { kind: "license-key", prefix: 'odd "schema" ' },
  migrations: [
    {
      name: "0001_odd",
      async up(db) {
        await sql`create type "mood's" as enum ('so "so"', 'fine')`.execute(db);
        await sql`create sequence "my ""counter""" start 7 increment 3`.execute(db);
        await sql`create table "odd ""table"" ; --" (
          "it's ""id""" integer primary key default nextval('"my ""counter"""'),
          "select" text, mood "mood's", parent integer references "odd ""table"" ; --" deferrable initially deferred,
          twice integer generated always as ("it's ""id""" * 2) stored,
          touched integer not null default 0, span interval, price money, bits bit varying(9), list text[], place point,
          bytes bytea, small real, xml xml)`.execute(db);
        await sql`insert into "odd ""table"" ; --" ("select") values ('of the script')`.execute(db);
        await sql`create table parted (id integer, at date) partition by range (at)`.execute(db);
        await sql`create table parted_early partition of parted for values from (minvalue) to ('2020-01-01')`.execute(
          db,
        );
        await sql`create table parted_late partition of parted for values from ('2020-01-01') to (maxvalue)`.execute(
          db,
        );
        await revokeFromTenant(db, "ALL", "parted");
        await sql`create table "no columns" ()`.execute(db);
        await sql`create function touch() returns trigger language plpgsql as $$ begin new.touched := new.touched + 1; return new; end $$`.execute(
          db,
        );
        await sql`create trigger touch before insert or update on "odd ""table"" ; --" for each row execute function touch()`.execute(
          db,
        );
        await sql`create view seen as select "select" from "odd ""table"" ; --"`.execute(db);
        await sql`create materialized view counted as select count(*) as n from "odd ""table"" ; --"`.execute(
          db,
        );
      },
    },
  ],
  seed: async () => undefined,
  parameters: Type.Object({}, { additionalProperties: false }),
  signIn: false,
}) as Blueprint;

const database = await createTestDatabase();
const installation = await openTestInstallation({
  databaseUrl: database.url,
  blueprints: [erp, booking, odd],
});
const psql = findPsql();

/** A tenant of the blueprint, filled by `fill`; then deleted, and what it was and what its backup says. */
async function deleted(blueprint: string, fill: (schema: string) => Promise<unknown>) {
  const worker = await installation.work();
  const overrides: Record<string, unknown> = { blueprint };
  if (blueprint !== "erp") Object.assign(overrides, { adminUsername: undefined, adminPassword: undefined });
  if (blueprint === "booking") overrides.parameters = { adminTelegramId: 7 };
  const { license, tenant, operation } = await orderLicense(installation, overrides);
  expect((await ended(installation, operation.id)).state).toBe("succeeded");
  await fill(tenant.schema);
  const sums = await checksums(database.adminUrl, tenant.schema);
  const structure = await snapshot(database, tenant.schema);
  const deletion = await deleteLicense(installation.ctx, { licenseKey: license.key }, CALLER);
  const row = await ended(installation, deletion.operation.id);
  await worker.close();
  expect(row.error).toBeNull();
  const { backup } = row.result as DeleteTenantResult;
  if (backup === null) throw new Error("no last backup was made");
  const text = await backupSql(installation, backup.backupId);
  return { schema: tenant.schema, sums, structure, text, rows: backup.rows };
}

function snapshot({ adminUrl }: TestDatabase, schema: string): Promise<string[]> {
  return withAdmin(adminUrl, async (client) => {
    const lines = await schemaSnapshot(client, schema);
    // Rights and owners are the installation's; the copy belongs to whoever loads it. And what PostgreSQL has printed of an
    // expression, it prints with other casts and parentheses once it has read it.
    return lines
      .filter((line) => !line.startsWith("default privilege"))
      .map((line) => line.replaceAll(/acl=\S*/g, "acl=").replaceAll(schema.replaceAll('"', '""'), "<schema>"))
      .map((line) => line.replaceAll(/::[a-z ]+(?:\[\])?/g, "").replaceAll(/[\s()]+/g, ""))
      .sort();
  });
}

const loaders: [string, (text: string, url: string) => Promise<void>][] = [["the driver", loadWithDriver]];
if (psql === null) process.stderr.write("No psql here: backups are loaded by the driver only.\n");
else loaders.push(["psql", (text, url) => loadWithPsql(psql, text, url)]);

describe.each(loaders)("a last backup, loaded by %s into an empty database by its owner", (_, load) => {
  it("is the erp tenant again, in all 53 tables, row for row", async () => {
    const found = await deleted("erp", (schema) => fillTenant(database.adminUrl, schema));
    const other = await createTestDatabase();
    await load(found.text, other.url);
    // Kysely's two, the marker and the limits.
    expect(Object.keys(found.sums)).toHaveLength(53 + 4);
    expect(Object.values(found.sums).filter((sum) => sum.startsWith("0 "))).toEqual([]);
    expect(await checksums(other.adminUrl, found.schema)).toEqual(found.sums);
    const sum = Object.values(found.sums).reduce((total, text) => total + Number.parseInt(text, 10), 0);
    expect(found.rows).toBe(sum);
    const again = await snapshot(other, found.schema);
    expect(again.filter((line) => !line.includes("tenantry_tenant"))).toEqual(
      found.structure.filter((line) => !line.includes("tenantry_tenant")),
    );
    // Its identities go on behind the last row.
    const ids = await withAdmin(other.adminUrl, (client) =>
      client.query(`INSERT INTO "${found.schema}".roles (name) VALUES ('new') RETURNING id`),
    );
    expect(ids.rows[0].id).toBe(4);
  });

  it("is the booking tenant again, though its triggers and exclusions would have their say about new rows", async () => {
    const found = await deleted("booking", (schema) =>
      withAdmin(database.url, (client) => fillBooking(client, schema)),
    );
    const other = await createTestDatabase();
    await load(found.text, other.url);
    expect(await checksums(other.adminUrl, found.schema)).toEqual(found.sums);
    expect(found.sums).toMatchObject({
      bookings: expect.stringMatching(/^40 /),
      users: expect.stringMatching(/^4 /),
    });
    const again = await snapshot(other, found.schema);
    expect(again.filter((line) => !line.includes("tenantry_tenant"))).toEqual(
      found.structure.filter((line) => !line.includes("tenantry_tenant")),
    );
  });

  it("is a tenant with odd names and everything else that a blueprint may hold", async () => {
    const found = await deleted("odd", (schema) =>
      withAdmin(database.url, (client) => fillOdd(client, schema)),
    );
    const other = await createTestDatabase();
    await load(found.text, other.url);
    expect(await checksums(other.adminUrl, found.schema)).toEqual(found.sums);
    await withAdmin(other.adminUrl, async (client) => {
      await client.query(`SET search_path = '${found.schema}'`);
      const { rows } =
        await client.query(`SELECT (SELECT n FROM counted) AS n, (SELECT count(*) FROM "no columns") AS empty,
        (SELECT nextval('"my ""counter"""')) AS next, (SELECT by_hand FROM "made by hand") AS by_hand,
        (SELECT convalidated FROM pg_constraint WHERE conname = 'later') AS valid`);
      expect(rows).toEqual([{ n: "3", empty: "2", next: "16", by_hand: ODD_TEXT, valid: false }]);
      // The triggers are awake again.
      const touched = await client.query(
        `UPDATE "odd ""table"" ; --" SET touched = 5 WHERE price IS NULL RETURNING touched`,
      );
      expect(touched.rows[0].touched).toBe(6);
      await expect(client.query(`INSERT INTO "odd ""table"" ; --" (price) VALUES (-1)`)).rejects.toThrow(
        /later/,
      );
      await expect(client.query(`INSERT INTO "odd ""table"" ; --" (parent) VALUES (999)`)).rejects.toThrow();
    });
  });
});

/** With the triggers awake: what they count must be what comes back, not be counted again. */
async function fillBooking(client: import("pg").Client, schema: string): Promise<void> {
  await client.query(`SET search_path = ${schema}`);
  await client.query(
    "INSERT INTO users (user_id, username) SELECT n, 'u' || n FROM generate_series(1, 4) AS n",
  );
  await client.query(
    `INSERT INTO bookings (date, "time", user_id) SELECT '2030-01-01'::date + n / 8, make_time(9 + n % 8, 0, 0), 1 + n % 4
     FROM generate_series(0, 39) AS n`,
  );
  await client.query("INSERT INTO feedback (user_id, booking_id, rating) VALUES (1, 3, 5)");
  await client.query("INSERT INTO audit_log (admin_id, action, details) VALUES (7, 'x', $1)", [
    JSON.stringify({ odd: ODD_TEXT }),
  ]);
}

async function fillOdd(client: import("pg").Client, schema: string): Promise<void> {
  await client.query(`SET search_path = '${schema}'`);
  const odd = `"odd ""table"" ; --"`;
  await client.query(
    `INSERT INTO ${odd} ("select", mood, span, price, bits, list, place, bytes, small, xml)
     VALUES ($1, 'so "so"', '-1 mon 3 days 04:05:06.789', -5, B'101', ARRAY['a,"b', NULL, $1, ''], '(1.5,-2)', '\\x005c0a', 0.1, '<a>&amp;</a>'),
            ('\\N', NULL, NULL, NULL, NULL, '{}', NULL, '', 'NaN', NULL)`,
    [ODD_TEXT],
  );
  // A cycle, which no order of rows could load.
  await client.query(
    `UPDATE ${odd} SET parent = CASE "it's ""id""" WHEN 7 THEN 10 WHEN 10 THEN 13 ELSE 7 END`,
  );
  await client.query(`INSERT INTO parted VALUES (1, '1999-12-31'), (2, '2026-01-01')`);
  await client.query(`INSERT INTO "no columns" SELECT FROM generate_series(1, 2)`);
  await client.query(`REFRESH MATERIALIZED VIEW counted`);
  // What people do by hand, whether they should or not.
  await client.query(`ALTER TABLE ${odd} ADD CONSTRAINT later CHECK (price >= 0::money) NOT VALID`);
  await client.query(`ALTER TABLE ${odd} DROP COLUMN small, ALTER COLUMN bits TYPE varchar(20)`);
  await client.query(`CREATE TABLE "made by hand" (by_hand text NOT NULL)`);
  await client.query(`INSERT INTO "made by hand" VALUES ($1)`, [ODD_TEXT]);
}
