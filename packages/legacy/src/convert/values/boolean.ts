import { type Converter, changed, EMPTY, type Reading, wrongKind } from "./value.ts";

/** The words that PostgreSQL itself reads as booleans, and no others. */
const WORDS: ReadonlyMap<string, "true" | "false"> = new Map([
  ...["1", "true", "t", "yes", "y", "on"].map((word) => [word, "true"] as const),
  ...["0", "false", "f", "no", "n", "off"].map((word) => [word, "false"] as const),
]);

export const booleanConverter: Converter = (value): Reading => {
  if (value === 1n || value === 1) return "true";
  if (value === 0n || value === 0) return "false";
  if (typeof value !== "string") return wrongKind(value, "yes or no");
  const word = value.trim().toLowerCase();
  if (word === "") return EMPTY;
  const text = WORDS.get(word);
  return text === undefined ? wrongKind(value, "yes or no") : changed(text, "text-to-number");
};
