import { randomBytes } from "node:crypto";
import { Kysely, PostgresDialect, sql } from "kysely";
import { Migrator } from "kysely/migration";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../../test/support/database.ts";
import { schemaSnapshot } from "../../../../test/support/schema-snapshot.ts";
import { booking } from "../blueprints/booking/index.ts";
import { erp } from "../blueprints/erp/index.ts";
import { createPool } from "../pool.ts";
import { ensureGateway, gatewayOf } from "../tenant/gateway.ts";
import { provisionTenant } from "../tenant/provision.ts";
import { compileBlueprint } from "./compile.ts";
import { type AnyKysely, type Blueprint, defineBlueprint } from "./define.ts";
import { revokeFromTenant } from "./tenant-rights.ts";

const { url } = await createTestDatabase();

/** A blueprint with one of everything that a schema can hold. */
const everything = defineBlueprint({
  name: "everything",
  schemaNaming: { kind: "license-key", prefix: "e_" },
  migrations: [
    {
      name: "0001_tables",
      async up(db: AnyKysely) {
        await sql`create type mood as enum ('good', 'bad')`.execute(db);
        await sql`create domain positive as integer check (value > 0)`.execute(db);
        await db.schema
          .createTable("parent")
          .addColumn("id", "integer", (column) => column.primaryKey().generatedByDefaultAsIdentity())
          .addColumn("name", "varchar(40)", (column) => column.notNull().unique())
          .addColumn("mood", sql`mood`, (column) => column.defaultTo("good"))
          .addColumn("amount", "numeric(12, 3)", (column) => column.notNull().defaultTo(0))
          .addColumn("twice", "numeric", (column) => column.generatedAlwaysAs(sql`amount * 2`).stored())
          .execute();
        await sql`create table child (
          id bigserial primary key,
          parent_id integer not null references parent on delete cascade deferrable,
          during tstzrange,
          size positive,
          check (size < 100)
        ) with (fillfactor = 90) -- a comment ends this statement`.execute(db);
      },
    },
    {
      name: "0002_logic",
      async up(db: AnyKysely) {
        await sql`create function touch() returns trigger language plpgsql as $f$
          begin new.amount := new.amount + 1; return new; end $f$`.execute(db);
        await sql`create trigger touched before update on parent for each row execute function touch()`.execute(
          db,
        );
        await sql`revoke execute on function touch() from public`.execute(db);
        await sql`create view moods as select mood, count(*) as n from parent group by mood`.execute(db);
        await sql`create materialized view names as select name from parent`.execute(db);
        await db.schema.createIndex("parent_lower").on("parent").expression(sql`lower(name)`).execute();
        await revokeFromTenant(db, "delete", "child");
        await db.insertInto("parent").values({ name: "it's $1 'quoted' \\ text" }).execute();
      },
    },
  ],
  seed: async () => undefined,
  parameters: { type: "object" } as never,
  signIn: false,
});

/** Makes a schema the ordinary way: Kysely's own Migrator, under the same default privileges. */
async function migrateWithKysely(blueprint: Blueprint, schema: string): Promise<void> {
  const pool = new pg.Pool({
    connectionString: url,
    max: 1,
    options: `-c search_path=${schema} -c tenantry.role=${schema}_role`,
  });
  const db: AnyKysely = new Kysely({ dialect: new PostgresDialect({ pool }) });
  try {
    await sql`create schema ${sql.id(schema)}`.execute(db);
    // Run after the Migrator has made its own tables, which stay closed to the tenant's role, and before all others.
    const privileges = async (inside: AnyKysely): Promise<void> => {
      await sql`create role ${sql.id(`${schema}_role`)}`.execute(inside);
      await sql`alter default privileges in schema ${sql.id(schema)}
        grant select, insert, update, delete on tables to ${sql.id(`${schema}_role`)}`.execute(inside);
    };
    const migrations = Object.fromEntries(blueprint.migrations.map((each) => [each.name, each]));
    const migrator = new Migrator({
      db,
      provider: { getMigrations: async () => ({ "0000_privileges": { up: privileges }, ...migrations }) },
      // Without it the Migrator takes another schema's bookkeeping for this one's.
      migrationTableSchema: schema,
    });
    const { error } = await migrator.migrateToLatest();
    if (error !== undefined) throw error;
    await sql`delete from kysely_migration where name = '0000_privileges'`.execute(db);
  } finally {
    await db.destroy();
  }
}

async function provision(blueprint: Blueprint, schema: string): Promise<void> {
  const pool = createPool({
    connectionString: url,
    applicationName: "test",
    max: 1,
    statementTimeout: 30_000,
    lockTimeout: 5_000,
    idleInTransactionTimeout: 15_000,
    onConnectionLost: () => undefined,
  });
  const gateway = gatewayOf(randomBytes(6).toString("hex"), 1);
  try {
    await ensureGateway(pool, gateway, "password");
    const outcome = await provisionTenant(pool, {
      tenantId: "01900000-0000-7000-8000-000000000001",
      operationId: "01900000-0000-7000-8000-000000000002",
      schema,
      role: `${schema}_role`,
      gateway,
      blueprint: await compileBlueprint(blueprint),
      seed: {
        license: {
          key: "K",
          clientName: "C",
          email: null,
          phone: null,
          company: null,
          maxUsers: 1,
          maxBranches: 1,
        },
        admin: null,
        parameters: { adminTelegramId: 1 },
      },
      mayProceed: async () => true,
      onStep: () => undefined,
    });
    expect(outcome).toEqual({ kind: "created" });
  } finally {
    await pool.end();
  }
}

describe("a compiled blueprint", () => {
  it.each([everything, erp, booking] as Blueprint[])(
    "leaves the same schema as Kysely's own Migrator: $name",
    async (blueprint) => {
      const [compiled, ordinary] = [`compiled_${blueprint.name}`, `ordinary_${blueprint.name}`];
      await provision(blueprint, compiled);
      await migrateWithKysely(blueprint, ordinary);
      await withAdmin(url, async (client) => {
        const ours = (await schemaSnapshot(client, compiled)).filter(
          (line) => !line.includes("tenantry_tenant"),
        );
        expect(ours).toEqual(await schemaSnapshot(client, ordinary));
        expect(ours.length).toBeGreaterThan(20);
        const ledger = (schema: string) =>
          client.query(
            `SELECT name, timestamp ~ '^\\d{4}-\\d\\d-\\d\\dT.*Z$' AS iso FROM ${schema}.kysely_migration ORDER BY name`,
          );
        expect((await ledger(compiled)).rows).toEqual((await ledger(ordinary)).rows);
        const lock = (schema: string) => client.query(`SELECT * FROM ${schema}.kysely_migration_lock`);
        expect((await lock(compiled)).rows).toEqual((await lock(ordinary)).rows);
      });
    },
  );

  it("is read as fully migrated by Kysely's own tools", async () => {
    const pool = new pg.Pool({
      connectionString: url,
      max: 1,
      options: "-c search_path=compiled_everything",
    });
    const db: AnyKysely = new Kysely({ dialect: new PostgresDialect({ pool }) });
    const migrations = Object.fromEntries(everything.migrations.map((each) => [each.name, each]));
    const migrator = new Migrator({
      db,
      provider: { getMigrations: async () => migrations },
      migrationTableSchema: "compiled_everything",
    });
    const pending = (await migrator.getMigrations()).filter(
      (migration) => migration.executedAt === undefined,
    );
    await db.destroy();
    expect(pending).toEqual([]);
  });

  it("is refused, with the migration's name, when a migration asks the database something", async () => {
    const asking = defineBlueprint({
      ...everything,
      name: "asking",
      migrations: [
        {
          name: "0001_asks",
          async up(db: AnyKysely) {
            const [row] = await db.selectFrom("settings").select("value").execute();
            if (row?.value) await sql`create table t (id int)`.execute(db);
          },
        },
      ],
    });
    await expect(compileBlueprint(asking)).rejects.toThrow(
      /migration 0001_asks of asking can't be compiled: it needs an answer from the database.*select "value" from "settings"/,
    );
  });
});
