import type { LegacyValue } from "@tenantry/schema";

/** Longer values are cut off; where they are needed whole they are asked for by their row. */
const SHOWN = 80;

/** A value of a legacy file: text in quotes, so that `''` and NULL are two things. */
export function legacyValueText(value: LegacyValue): string {
  if (value === null) return "NULL";
  if (typeof value === "string") return `'${cut(value)}'`;
  if (typeof value === "number") return String(value);
  if ("integer" in value) return value.integer;
  if ("real" in value) return value.real;
  if ("text" in value) return `text that is no UTF-8 or holds NUL, base64 ${cut(value.text)}`;
  return `a blob, base64 ${cut(value.bytes)}`;
}

function cut(text: string): string {
  const characters = [...text];
  return characters.length > SHOWN ? `${characters.slice(0, SHOWN).join("")}…` : text;
}
