/** A piece of SQL text, as PostgreSQL's lexer tells pieces apart. */
export interface SqlPiece {
  /** `quoted` is a string or a quoted name, whatever the quotes; `open` one of these, or a comment, that never ends. */
  readonly kind: "code" | "quoted" | "comment" | "open";
  readonly start: number;
  readonly end: number;
}

const OPENER = /--[^\n]*|\/\*|[eE]?'|"|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/g;
const WORD_CHARACTER = /[\w$\u0080-\uffff]/;

/** Cuts SQL into what is code and what only looks like it. The pieces cover the text without gaps. */
export function* scanSql(sql: string): Generator<SqlPiece> {
  let at = 0;
  while (at < sql.length) {
    const found = nextOpener(sql, at);
    const start = found?.index ?? sql.length;
    if (start > at) yield { kind: "code", start: at, end: start };
    if (found === null) return;
    const end = endOf(sql, found[0], start);
    const comment = found[0].startsWith("--") || found[0] === "/*";
    if (end < 0) yield { kind: "open", start, end: sql.length };
    else yield { kind: comment ? "comment" : "quoted", start, end };
    at = end < 0 ? sql.length : end;
  }
}

/** A line's number, from 1. */
export function lineAt(sql: string, offset: number): number {
  return sql.slice(0, offset).split("\n").length;
}

function nextOpener(sql: string, from: number): RegExpExecArray | null {
  OPENER.lastIndex = from;
  for (;;) {
    const found = OPENER.exec(sql);
    if (found === null) return null;
    // `a$b$c` is a name, and the E of `note'` is no escape.
    const insideWord = found.index > from && WORD_CHARACTER.test(sql[found.index - 1] ?? "");
    if (!insideWord) return found;
    if (found[0].startsWith("$")) OPENER.lastIndex = found.index + 1;
    else if (/^[eE]'/.test(found[0])) OPENER.lastIndex = found.index + 1;
    else return found;
  }
}

function endOf(sql: string, opener: string, start: number): number {
  const from = start + opener.length;
  if (opener.startsWith("--")) return from;
  if (opener === "/*") return endOfComment(sql, from);
  if (opener.startsWith("$")) {
    const end = sql.indexOf(opener, from);
    return end < 0 ? -1 : end + opener.length;
  }
  const quote = opener.at(-1);
  const escapes = opener.length === 2;
  for (let at = from; at < sql.length; at++) {
    if (escapes && sql[at] === "\\") at++;
    else if (sql[at] === quote) {
      const goesOn = sql[at + 1] === quote ? at + 2 : escapes ? continuation(sql, at + 1) : -1;
      if (goesOn < 0) return at + 1;
      at = goesOn - 1;
    }
  }
  return -1;
}

/** A string goes on after a line's end, and one with escapes keeps them. Where it does; -1 when it doesn't. */
function continuation(sql: string, from: number): number {
  const next = /[ \t\f\v]*(?:--[^\n]*)?\n(?:\s|--[^\n]*\n)*'/y;
  next.lastIndex = from;
  return next.test(sql) ? next.lastIndex : -1;
}

/** PostgreSQL's comments nest. */
function endOfComment(sql: string, from: number): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = from;
  let depth = 1;
  for (let found = marks.exec(sql); found !== null; found = marks.exec(sql)) {
    depth += found[0] === "/*" ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return -1;
}
