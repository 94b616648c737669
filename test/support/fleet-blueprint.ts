import { type Blueprint, defineBlueprint, type NamedMigration } from "@tenantry/schema";
import { sql } from "kysely";
import Type from "typebox";

const statement =
  (text: string): NamedMigration["up"] =>
  async (db) =>
    void (await sql.raw(text).execute(db));

/** Counts its own applications: a tenant that was migrated twice has two rows. */
const MIGRATIONS: readonly NamedMigration[] = [
  { name: "0001_items", up: statement("create table items (id int, note text)") },
  {
    name: "0002_applied",
    up: async (db) => {
      await statement("create table applied (at timestamptz not null default clock_timestamp())")(db);
      await statement("insert into applied default values")(db);
      await statement("alter table items add column price numeric")(db);
    },
  },
  {
    name: "0003_again",
    up: async (db) => {
      await statement("insert into applied default values")(db);
      await statement("create index items_note on items (note)")(db);
    },
  },
];

/** A blueprint of one table, as it was at some version, and with what a test wants to come after it. */
export function fleetBlueprint(version: number, more: readonly NamedMigration[] = []): Blueprint {
  return defineBlueprint({
    name: "fleet",
    schemaNaming: { kind: "sequence", prefix: "fleet_", digits: 4 },
    migrations: [...MIGRATIONS.slice(0, version), ...more],
    seed: async () => undefined,
    parameters: Type.Object({}, { additionalProperties: false }),
    signIn: false,
  });
}

/** Fails where the tenant has a row that says so. */
export const PICKY: NamedMigration = {
  name: "0009_picky",
  up: statement("alter table items add constraint no_poison check (note is distinct from 'poison')"),
};

export const migration = (name: string, text: string): NamedMigration => ({ name, up: statement(text) });

/** Takes its time within each tenant's transaction, so that it can be killed there. */
export const slowFleet = fleetBlueprint(3, [migration("0004_slow", "select pg_sleep(0.08)")]);
