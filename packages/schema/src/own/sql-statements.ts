import { lineAt, scanSql } from "./scan-sql.ts";

/** A statement of an SQL text. */
export interface SqlStatement {
  /** Without its semicolon, and without what stands before its first word. */
  readonly text: string;
  /** Its code alone, strings, quoted names and comments blanked out, in capitals, one space between words. */
  readonly words: string;
  /** Where its first word stands, from 1. */
  readonly line: number;
}

export interface SqlStatements {
  readonly statements: readonly SqlStatement[];
  /** The line of a string or comment that never ends; null when all do. */
  readonly openLine: number | null;
}

/** Takes an SQL text apart where PostgreSQL would: a function's body stays whole, in quotes or in `begin atomic … end`. */
export function sqlStatements(sql: string): SqlStatements {
  const code = codeOf(sql);
  const statements: SqlStatement[] = [];
  const add = (start: number, end: number): void => {
    const lead = /\S/.exec(code.text.slice(start, end))?.index;
    if (lead === undefined) return;
    const text = sql.slice(start + lead, end);
    const words = code.text
      .slice(start + lead, end)
      .replaceAll(BLANK, " ")
      .replace(/\s+/g, " ")
      .trim()
      .toUpperCase();
    statements.push({ text, words, line: lineAt(sql, start + lead) });
  };
  let start = 0;
  for (const end of endsOf(code.text)) {
    add(start, end);
    start = end + 1;
  }
  add(start, sql.length);
  return { statements, openLine: code.openAt === null ? null : lineAt(sql, code.openAt) };
}

/** Stands for what is quoted: a statement may begin with it, unlike with a comment. */
const BLANK = "\u0001";

/** The text at its full length, with everything that isn't code blanked out. */
function codeOf(sql: string): { text: string; openAt: number | null } {
  let text = "";
  let openAt: number | null = null;
  for (const { kind, start, end } of scanSql(sql)) {
    if (kind === "open") openAt = start;
    if (kind === "code") text += sql.slice(start, end);
    else text += (kind === "quoted" ? BLANK : " ").repeat(end - start);
  }
  return { text, openAt };
}

/** Where the semicolons are that end a statement. */
function endsOf(code: string): number[] {
  const ends: number[] = [];
  const marks = /[();]|\b(?:begin\s+atomic|case|end)\b/gi;
  let [parentheses, blocks] = [0, 0];
  for (const found of code.matchAll(marks)) {
    const mark = found[0].toLowerCase();
    if (mark === "(") parentheses++;
    else if (mark === ")") parentheses--;
    else if (mark.startsWith("begin")) blocks++;
    else if (mark === "case" && blocks > 0) blocks++;
    else if (mark === "end" && blocks > 0) blocks--;
    else if (mark === ";" && parentheses <= 0 && blocks === 0) {
      ends.push(found.index);
      parentheses = 0;
    }
  }
  return ends;
}
