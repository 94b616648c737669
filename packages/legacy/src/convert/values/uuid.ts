import { type Converter, EMPTY, wrongKind } from "./value.ts";

const UUID = /^\{?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})\}?$/;

/** With hyphens or without, in either case. */
export const uuidConverter: Converter = (value) => {
  if (typeof value !== "string") return wrongKind(value, "a UUID");
  const text = value.trim().toLowerCase();
  if (text === "") return EMPTY;
  const groups = UUID.exec(text);
  const isBraced = text.startsWith("{");
  return groups === null || isBraced !== text.endsWith("}")
    ? wrongKind(value, "a UUID")
    : groups.slice(1).join("-");
};
