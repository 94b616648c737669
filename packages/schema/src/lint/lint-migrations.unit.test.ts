import { describe, expect, it } from "vitest";
import { compileBlueprint } from "../blueprint/compile.ts";
import { booking } from "../blueprints/booking/index.ts";
import { erp } from "../blueprints/erp/index.ts";
import { lintBlueprint, lintMigrations } from "./lint-migrations.ts";

const BEFORE = {
  name: "0001_init",
  sql: `create table t (id int primary key, a int, b text); create table u (id int primary key);
    create type mood as enum ('good'); create view v as select id from t; create materialized view m as select 1 as one;
    create function dice() returns int language sql as 'select 4';
    create function steady() returns int language sql immutable as 'select 4';
    alter table t add constraint a_there check (a is not null) not valid`,
};

/** Codes of a migration that comes after the first. */
async function codes(sql: string): Promise<string[]> {
  const warnings = await lintMigrations([BEFORE, { name: "0002_next", sql }], 1);
  return warnings.map(({ code }) => code);
}

const DANGEROUS: readonly [sql: string, ...codes: string[]][] = [
  ["alter table t alter column a type bigint", "rewrites-table"],
  ["alter table t add column r float default random()", "rewrites-table"],
  ["alter table t add column r float default (1 + coalesce(random(), 2))", "rewrites-table"],
  ["alter table t add column r uuid not null default gen_random_uuid()", "rewrites-table"],
  ["alter table t add column r int default dice()", "rewrites-table"],
  ["alter table t add column n int generated always as identity", "rewrites-table"],
  ["alter table t add column n bigserial", "rewrites-table"],
  ["alter table t add column n int generated always as (a * 2) stored", "rewrites-table"],
  ["alter table t set unlogged", "rewrites-table"],
  ["alter table t add column c text not null", "not-null-without-default"],
  ["alter table t alter column b set not null", "set-not-null"],
  ["alter table t alter column a set not null", "set-not-null"],
  ["alter table t add constraint n not null b", "set-not-null"],
  ["alter table t add foreign key (a) references u", "validates-constraint"],
  ["alter table t add check (a > 0)", "validates-constraint"],
  ["alter table t add column c int check (c > 0)", "validates-constraint"],
  ["alter table t add column c int default 1 references u", "validates-constraint"],
  ["create index i on t (a)", "builds-index"],
  ["create unique index i on t (a)", "builds-index"],
  ["alter table t add unique (a)", "builds-index"],
  ["alter table t add column c int unique", "builds-index"],
  ["alter table t add exclude using gist (b with =)", "builds-index"],
  ["drop table t", "drops"],
  ["drop table if exists t, u cascade", "drops"],
  ["drop view v", "drops"],
  ["alter table t drop column a", "drops"],
  ["alter table t rename to tt", "renames"],
  ["alter table t rename column a to aa", "renames"],
  ["alter view v rename to w", "renames"],
  ["alter type mood rename to moods", "renames"],
  ["lock table t in exclusive mode", "locks-table"],
  ["update t set a = 1", "touches-all-rows"],
  ["delete from t", "touches-all-rows"],
  ["truncate t", "touches-all-rows"],
  ["vacuum t", "maintenance"],
  ["reindex table t", "maintenance"],
  ["refresh materialized view m", "maintenance"],
  ["alter type mood add value 'bad'", "changes-enum"],
  ["alter type mood rename value 'good' to 'fine'", "changes-enum"],
  ["alter table t drop column a, add column c text not null", "drops", "not-null-without-default"],
  ['ALTER\n  TABLE ONLY "t" /* all */ ALTER a -- now\n TYPE bigint', "rewrites-table"],
  ["alter tabel t", "unreadable"],
];

const FINE: readonly string[] = [
  "alter table t add column c text",
  "alter table t add column c text not null default 'x'",
  "alter table t add column c timestamptz default now()",
  "alter table t add column c timestamptz default current_timestamp",
  "alter table t add column c int default steady()",
  "alter table t add column c int references u",
  "alter table t add check (a > 0) not valid",
  "alter table t add foreign key (a) references u not valid",
  "alter table t add constraint k unique using index i",
  "alter table t alter column a drop not null, alter column b set default 'x'",
  "alter table t validate constraint a_there; alter table t alter column a set not null",
  "create index concurrently if not exists i on t (a)",
  "create table n (id int); create index on n (id); alter table n add column c int not null; update n set id = 1; alter table n rename to o; drop table o",
  "create table n as select 1 as one; alter table n alter one type bigint",
  "update t set a = 1 where a is null",
  "delete from t where a = 1",
  "insert into t (id, b) values (1, 'drop table t; update t set a = 1')",
  "comment on table t is $$alter table t alter a type bigint; drop table t$$",
  "-- drop table t;\n/* update t set a = 1; /* nested */ drop table u; */ select 1",
  "create function f() returns void language plpgsql as $f$ begin delete from t; drop table t; end $f$",
  `create view "drop table t; lock table t" as select 1 as one`,
  "alter index i rename to j; analyze t",
  "",
];

describe("the linter", () => {
  it.each(DANGEROUS)("warns of %s", async (sql, ...expected) => {
    expect(await codes(sql)).toEqual(expected);
  });

  it.each(FINE)("has nothing against %s", async (sql) => {
    expect(await codes(sql)).toEqual([]);
  });

  it("says where, why, and what is safer", async () => {
    const sql = "-- First\nselect 'é';\n\n -- Then\n  alter table t\n    alter column a type bigint;\n";
    expect(await lintMigrations([BEFORE, { name: "0002_next", sql }], 1)).toEqual([
      {
        code: "rewrites-table",
        migration: "0002_next",
        statement: "alter table t alter column a type bigint",
        why: expect.stringContaining("t.a"),
        saferWay: expect.stringContaining("new column"),
      },
    ]);
  });

  it("knows what an earlier migration has made ready", async () => {
    const two = { name: "0002_valid", sql: "alter table t validate constraint a_there" };
    const three = {
      name: "0003_set",
      sql: "alter table t alter a set not null; alter table t alter b set not null",
    };
    const warnings = await lintMigrations([BEFORE, two, three], 1);
    expect(warnings.map(({ migration, statement }) => [migration, statement])).toEqual([
      ["0003_set", "alter table t alter b set not null"],
    ]);
  });

  it("reads what is run outside a transaction as it is run there, and nothing that a baseline stands for", async () => {
    const compiled = await compileBlueprint(booking);
    const [first] = compiled.migrations;
    const plain = { name: "0090_plain", sql: "create index i on users (id);\n" };
    const outside = { name: "0091_outside", sql: "create index j on users (id);\n" };
    const migrations = [...(first === undefined ? [] : [first]), plain, outside];
    const blueprint = {
      ...booking,
      migrations: [
        ...booking.migrations.slice(0, 1),
        { name: plain.name, up: async () => undefined },
        {
          name: outside.name,
          up: async () => undefined,
          outsideTransaction: ["create index concurrently if not exists j on users (id)"],
        },
      ],
    };
    const found = await lintBlueprint({ ...compiled, blueprint, migrations });
    expect(found.map(({ migration }) => migration)).toEqual(["0090_plain"]);
    const squashed = { ...blueprint, baseline: { upTo: plain.name, up: async () => undefined } };
    expect(await lintBlueprint({ ...compiled, blueprint: squashed, migrations })).toEqual([]);
  });

  it("can read all that the shipped blueprints do", async () => {
    for (const blueprint of [erp, booking]) {
      const found = await lintBlueprint(await compileBlueprint(blueprint));
      expect(found.filter(({ code }) => code === "unreadable")).toEqual([]);
    }
  });
});
