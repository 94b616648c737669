import { type Blueprint, defineBlueprint, type NamedMigration } from "@tenantry/schema";
import { sql } from "kysely";
import Type from "typebox";

const migration = (name: string, ...statements: readonly string[]): NamedMigration => ({
  name,
  up: async (db) => {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
});

const MIGRATIONS: readonly NamedMigration[] = [
  migration(
    "0001_jobs",
    `create table customers (id integer generated always as identity primary key, name varchar(80) not null)`,
    `create table jobs (id integer generated always as identity primary key, customer_id integer not null references customers,
       title varchar(80) not null, state varchar(10) not null default 'open' check (state in ('open', 'done')), price numeric(10, 2) check (price >= 0))`,
    `create index jobs_customer on jobs (customer_id)`,
    `create function touch_job() returns trigger language plpgsql as $f$ begin new.title := btrim(new.title); return new; end $f$`,
    `create trigger jobs_touch before insert on jobs for each row execute function touch_job()`,
    `create view open_jobs with (security_invoker = true) as select id, title from jobs where state = 'open'`,
    `revoke execute on function touch_job() from public`,
  ),
  migration(
    "0002_notes",
    `alter table jobs add column note text, add column hours integer not null default 0`,
    `create unique index jobs_title on jobs (lower(title), customer_id)`,
  ),
];

/** A schema with one of each of what tenants commonly lose. As it was at some version. */
export function workshop(version = MIGRATIONS.length, more: readonly NamedMigration[] = []): Blueprint {
  return defineBlueprint({
    name: "workshop",
    schemaNaming: { kind: "license-key", prefix: "workshop_" },
    migrations: [...MIGRATIONS.slice(0, version), ...more],
    seed: async (db) => {
      await sql`insert into customers (name) values ('Ada'), ('Bo')`.execute(db);
      await sql`insert into jobs (customer_id, title) select 1 + n % 2, 'Job ' || n from generate_series(1, 50) as n`.execute(
        db,
      );
    },
    parameters: Type.Object({}, { additionalProperties: false }),
    signIn: false,
  });
}

export { migration as workshopMigration };

/** What a create-license request needs to be for this blueprint. */
export const WORKSHOP_ORDER = { blueprint: "workshop", adminUsername: undefined, adminPassword: undefined };
