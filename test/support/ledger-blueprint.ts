import { type Blueprint, defineBlueprint, type NamedMigration } from "@tenantry/schema";
import { sql } from "kysely";
import Type from "typebox";

const MIGRATIONS: readonly NamedMigration[] = [
  {
    name: "0001_ledger",
    up: async (db) => {
      await sql`create table accounts (id int primary key, balance bigint not null)`.execute(db);
      await sql`create table entries (id bigint generated always as identity primary key, account int not null references accounts, amount bigint not null, note text)`.execute(
        db,
      );
    },
  },
  {
    name: "0002_currency",
    up: async (db) => {
      await sql`alter table accounts add column currency text not null default 'EUR'`.execute(db);
      await sql`create index on entries (account)`.execute(db);
    },
  },
];

/** Accounts whose balances are the sums of their entries, all of them together nothing. As it was at some version. */
export function ledger(version = MIGRATIONS.length): Blueprint {
  return defineBlueprint({
    name: "ledger",
    schemaNaming: { kind: "license-key", prefix: "ledger_" },
    migrations: MIGRATIONS.slice(0, version),
    seed: async (db) => {
      await sql`insert into accounts (id, balance) select n, 0 from generate_series(1, 20) as n`.execute(db);
    },
    parameters: Type.Object({}, { additionalProperties: false }),
    signIn: false,
  });
}
