import { describe, expect, it } from "vitest";
import { compileMigrations } from "../blueprint/compile.ts";
import { createLimits, type LimitedTable } from "../blueprint/limits.ts";
import { migrationContent } from "./migration-content.ts";

const content = (sql: string): string => migrationContent({ name: "0001_init", sql }, []);
const SQL = "create table notes (\n  id int,\n  body text default 'a  b'\n);\ncreate index on notes (id)";

describe("a migration's content", () => {
  it.each([
    ["comments", `-- first\n${SQL.replace("id int", "id int /* the id */")} -- last`],
    ["blanks and line ends", SQL.replaceAll("\n", "\r\n\r\n").replaceAll("  id", "\tid")],
    ["a semicolon at the end", `${SQL};\n\n`],
  ])("is the same with other %s", (_, sql) => {
    expect(content(sql)).toBe(content(SQL));
  });

  it.each([
    ["a column", SQL.replace("id int", "id bigint")],
    ["blanks in a string", SQL.replace("a  b", "a b")],
    ["a statement less", SQL.replace(/create index.*/, "")],
    [
      "a comment's end, which lets in what it hid",
      SQL.replace("create index", "/* */ drop table x; create index"),
    ],
  ])("is another with %s", (_, sql) => {
    expect(content(sql)).not.toBe(content(SQL));
  });

  it("has the tables that are limited in it, and not how Tenantry does that", async () => {
    const limits = (table: string): LimitedTable[] => [{ limit: "users", table, activeColumn: null }];
    const of = async (limited: readonly LimitedTable[], change = (sql: string) => sql) => {
      const [compiled] = await compileMigrations("notes", [
        { name: "0001_init", up: (db) => createLimits(db, limited) },
      ]);
      return migrationContent({ name: "0001_init", sql: change(compiled?.sql ?? "") }, limited);
    };
    const notes = await of(limits("notes"));
    expect(await of(limits("notes"), (sql) => sql.replace("bigint", "numeric"))).toBe(notes);
    expect(await of(limits("people"))).not.toBe(notes);
  });
});
