import { bytesText } from "./bytes.ts";
import { sqliteText } from "./sqlite-text.ts";
import { textConverter } from "./text.ts";
import type { Converter } from "./value.ts";

const readText = textConverter(null);

/** Whatever it is, as text. Nothing counts as converted: text is all that the column claims to hold. */
export const anythingConverter: Converter = (value) => {
  if (typeof value === "string") return readText(value);
  return typeof value === "bigint" || typeof value === "number" ? sqliteText(value) : bytesText(value);
};
