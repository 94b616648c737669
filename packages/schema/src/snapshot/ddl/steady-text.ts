const TEXT_ARRAY = /\(ARRAY\[((?:E?'(?:[^']|'')*'::character varying(?:, )?)+)\]\)::text\[\]/g;
const ELEMENT = /E?'(?:[^']|'')*'::character varying/g;

/**
 * PostgreSQL prints `column IN ('a', 'b')` of a varchar as a cast of an array, and reads that as an array of casts, which it
 * prints differently from then on. Told as what it would become, so that a definition is the same after it was loaded.
 */
export function steadyText(sql: string): string {
  return sql.replace(TEXT_ARRAY, (_, elements: string) => {
    const casts = [...elements.matchAll(ELEMENT)].map(([element]) => `(${element})::text`);
    return `ARRAY[${casts.join(", ")}]`;
  });
}

const CAST = /::(?:"(?:[^"]|"")*"|[a-z_][a-z_0-9 .]*)(?:\(\d+(?:,\d+)?\))?(?:\[\])*/g;

/** An expression without what PostgreSQL may add or take away when it reads what it printed: casts and parentheses. */
export function bareExpressions(sql: string): string {
  return sql.replace(CAST, "").replace(/[\s()]+/g, " ");
}
