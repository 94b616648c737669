import { type JsonFault, jsonString, normalJson } from "./json-normal.ts";
import { sqliteText } from "./sqlite-text.ts";
import { type Converter, changed, EMPTY, type Reading, refused, wrongKind } from "./value.ts";

const FAULTS = {
  nul: refused("nul-in-text", "The text holds NUL, which PostgreSQL can't."),
  surrogate: refused("not-utf8", "The text holds half of a surrogate pair, which is no character."),
  number: refused("out-of-range", "A number in the document has more digits than can be kept."),
  depth: refused("out-of-range", "The document is nested too deeply."),
};
const NO_NUMBER = refused("out-of-range", "JSON has no infinity.");

/**
 * `jsonb`. Text that is a JSON document is that document; other text is a JSON string, and so is any text and number
 * where `asString` says that the column holds text.
 */
export function jsonConverter(asString: boolean): Converter {
  return (value) => {
    if (typeof value === "object") return wrongKind(value, "JSON");
    if (asString) return asJsonString(typeof value === "string" ? value : sqliteText(value));
    if (typeof value !== "string") {
      return Number.isFinite(Number(value)) ? settle(normalJson(`${value}`)) : NO_NUMBER;
    }
    if (value.trim() === "") return EMPTY;
    const document = normalJson(value);
    if (!("fault" in document) || document.fault !== "no-json") return settle(document);
    const text = asJsonString(value);
    return typeof text === "string" ? changed(text, "json-string") : text;
  };
}

function asJsonString(text: string): Reading {
  return settle(jsonString(text));
}

function settle(read: { readonly text: string } | { readonly fault: JsonFault }): Reading {
  if (!("fault" in read)) return read.text;
  if (read.fault === "no-json") throw new TypeError("a finite number is a JSON document");
  return FAULTS[read.fault];
}
