import { describe, expect, it } from "vitest";
import { scanSql } from "./scan-sql.ts";
import { sqlStatements } from "./sql-statements.ts";

const texts = (sql: string): string[] => sqlStatements(sql).statements.map(({ text }) => text.trim());

describe("taking SQL apart", () => {
  const whole: [string, string][] = [
    ["a semicolon in a string", "insert into t values ('a;b')"],
    ["a doubled quote", "insert into t values ('it''s; fine')"],
    ["a backslash in a string, which escapes nothing", "insert into t values ('\\'), (';')"],
    ["a backslash in a string with escapes", "insert into t values (E'\\';', e'\\\\')"],
    ["a string with escapes that goes on in the next line", "insert into t values (E'a'\n  '\\';b')"],
    ["a word that ends in e before a quote", "select date'2020-01-01', type'\\'"],
    ["a quoted name", 'create table "a;""b" (id int)'],
    ["dollar quotes", "do $$ begin perform 1; end $$"],
    ["dollar quotes with a tag, and others inside", "do $body$ begin execute $$select 1;$$; end $body$"],
    ["a dollar in a name", "select a$b$c, a$$b from t"],
    ["a number before a dollar", "select $1, 'x;'"],
    ["a comment to the line's end", "select 1 -- one; two's\n, 2"],
    ["a comment in a comment", "select 1 /* a; /* b; */ c; */ + 1"],
    ["a comment in a string", "select '/*', ';', '*/'"],
    ["a rule's parentheses", "create rule r as on insert to t do also (select 1; select 2)"],
    [
      "a function's body in the standard's form",
      "create function f() returns void begin atomic insert into t values (1); select case when true then 1 end; end",
    ],
    ["case outside of one", "select case when a then 1 else 2 end from t"],
    ["letters that aren't Latin", "insert into ملاحظات values ('نص; آخر')"],
  ];
  it.each(whole)("leaves one statement whole: %s", (_, sql) => {
    expect(texts(`${sql};\nselect 2`)).toEqual([sql, "select 2"]);
  });

  it("covers the whole text without gaps", () => {
    const sql = whole.map(([, each]) => each).join(";\n");
    const pieces = [...scanSql(sql)];
    expect(pieces.map(({ start, end }) => sql.slice(start, end)).join("")).toBe(sql);
    expect(pieces.map(({ kind }) => kind)).not.toContain("open");
  });

  it("tells each statement's line, that of its first word", () => {
    const { statements } = sqlStatements("-- the first\n\nselect 1;\n/* long\ncomment */ select\n2;;\n");
    expect(statements.map(({ line, words }) => [line, words])).toEqual([
      [3, "SELECT 1"],
      [5, "SELECT 2"],
    ]);
  });

  it.each([
    ["a string", "select 1;\nselect 'open"],
    ["a string whose quote is escaped", "select 1;\nselect E'open\\'"],
    ["a quoted name", 'select 1;\nselect "open'],
    ["dollar quotes", "select 1;\nselect $a$ open $b$"],
    ["a comment", "select 1;\n/* /* */"],
  ])("tells where what never ends begins: %s", (_, sql) => {
    expect(sqlStatements(sql).openLine).toBe(2);
    expect(sqlStatements("select 1").openLine).toBeNull();
  });
});
