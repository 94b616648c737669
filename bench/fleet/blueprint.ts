import { type Blueprint, defineBlueprint, type NamedMigration } from "@tenantry/schema";
import { sql } from "kysely";
import Type from "typebox";

const TABLES = ["customers", "orders", "items", "notes"] as const;

const first: NamedMigration = {
  name: "0001_init",
  up: async (db) => {
    for (const table of TABLES) {
      await sql`create table ${sql.table(table)} (
        id bigint generated always as identity primary key, name varchar(100) not null,
        made_at timestamptz not null default now())`.execute(db);
    }
  },
};

/** What each round does to a tenant: a column and an index. */
export function roundStatements(round: number): string[] {
  return [
    `alter table orders add column extra_${round} varchar(40)`,
    `create index orders_extra_${round} on orders (extra_${round})`,
  ];
}

export function roundName(round: number): string {
  return `${String(round + 1).padStart(4, "0")}_round`;
}

/** Four small tables, and a migration for each of so many rounds. */
export function fleetBlueprint(rounds: number): Blueprint {
  const later = Array.from({ length: rounds }, (_, index): NamedMigration => {
    const round = index + 1;
    return {
      name: roundName(round),
      up: async (db) => {
        for (const statement of roundStatements(round)) await sql.raw(statement).execute(db);
      },
    };
  });
  return defineBlueprint({
    name: "fleet-bench",
    schemaNaming: { kind: "sequence", prefix: "fleet_", digits: 5 },
    migrations: [first, ...later],
    seed: async () => undefined,
    parameters: Type.Object({}, { additionalProperties: false }),
    signIn: false,
  });
}
