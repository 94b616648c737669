import { sqliteText } from "./sqlite-text.ts";
import { type Converter, changed, type Reading, refused, wrongKind } from "./value.ts";

const NUL = refused("nul-in-text", "The text holds NUL, which PostgreSQL can't.");

/** Text of at most `max` characters, counted as PostgreSQL counts them: code points. '' stays ''. */
export function textConverter(max: number | null): Converter {
  const most = max ?? Number.POSITIVE_INFINITY;
  const tooLong = refused("too-long", `The text is longer than the column's ${max} characters.`);
  const read = (text: string): Reading => {
    if (text.length > most && codePoints(text, most) > most) return tooLong;
    return text.includes("\0") ? NUL : text;
  };
  return (value) => {
    if (typeof value === "string") return read(value);
    if (typeof value !== "bigint" && typeof value !== "number") return wrongKind(value, "text");
    const text = read(sqliteText(value));
    return typeof text === "string" ? changed(text, "number-to-text") : text;
  };
}

/** How many code points, but no further than `most` + 1: a text may have megabytes. */
function codePoints(text: string, most: number): number {
  let count = 0;
  for (const _ of text) if (++count > most) break;
  return count;
}
