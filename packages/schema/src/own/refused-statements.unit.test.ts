import { describe, expect, it } from "vitest";
import { refusal, refusalOutsideTransaction } from "./refused-statements.ts";
import { sqlStatements } from "./sql-statements.ts";

const refusals = (sql: string): (string | null)[] => sqlStatements(sql).statements.map(refusal);
const outside = (sql: string): (string | null)[] =>
  sqlStatements(sql).statements.map(refusalOutsideTransaction);

describe("a statement of a migration", () => {
  it.each([
    ["begin", /begin or end a transaction/],
    ["/* now */ COMMIT", /begin or end a transaction/],
    ["start transaction isolation level serializable", /begin or end a transaction/],
    ["savepoint a", /begin or end a transaction/],
    ["vacuum full t", /can't run in a transaction/],
    ["create unique index concurrently i on t (a)", /no-transaction/],
    ["drop index concurrently i", /no-transaction/],
    ["reindex table concurrently t", /CONCURRENTLY/],
    ["create schema other", /Tenantry's affair/],
    ["alter role postgres superuser", /Tenantry's affair/],
    ["create extension if not exists citext", /whole database/],
    ["set search_path to public", /leave the tenant's schema/],
    ["set local role postgres", /leave the tenant's schema/],
    ["set session authorization postgres", /leave the tenant's schema/],
    ["reset all", /leave the tenant's schema/],
    ["set statement_timeout = 0", /SET LOCAL/],
    ["create table public.notes (id int)", /schema public/],
    ["create table if not exists public . notes (id int)", /schema public/],
    ["insert into public.notes values (1)", /schema public/],
    ["copy notes from stdin", /INSERT/],
    ["\\set on_error_stop on\nselect 1", /psql/],
    ["select 1 \\gexec", /psql/],
    ["create function f() returns int language sql security definer as 'select 1'", /SECURITY DEFINER/],
    ["alter function f() security definer", /SECURITY DEFINER/],
  ])("is refused with a remedy: %s", (sql, detail) => {
    expect(refusals(sql)).toEqual([expect.stringMatching(detail)]);
  });

  it.each([
    'create table commits (begin_at timestamptz, "set" int)',
    "insert into t values ('vacuum; commit; \\copy')",
    "create function f() returns int begin atomic select 1; end",
    "do $$ begin perform 1; end $$",
    "create index i on t (concurrently)",
    "set local check_function_bodies = off",
    "set constraints all deferred",
    "create table t (kind public.citext, at timestamptz default public.now())",
    "update users set role = 'admin'",
    "create type mood as enum ('good')",
    "create table copies (id int)",
    "comment on table t is 'security definer'",
  ])("is let through: %s", (sql) => {
    expect(refusals(sql)).toEqual([null]);
  });
});

describe("a statement of a migration marked no-transaction", () => {
  it("makes or drops an index, and can be done again", () => {
    expect(
      outside(
        "create unique index concurrently if not exists i on t (a); drop index concurrently if exists j",
      ),
    ).toEqual([null, null]);
    expect(
      outside("create index concurrently i on t (a); drop index concurrently j; create index k on t (a)"),
    ).toEqual([
      expect.stringMatching(/IF NOT EXISTS/),
      expect.stringMatching(/IF EXISTS/),
      expect.stringMatching(/no place/),
    ]);
  });
});
