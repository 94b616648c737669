import type { LegacyValue } from "@tenantry/schema/legacy";
import type { SqliteValue } from "./values/value.ts";

/** A value of SQLite as JSON can hold it. Text has to be what the file holds: see `RawBytes` for what isn't UTF-8. */
export function toLegacyValue(value: SqliteValue): LegacyValue {
  switch (typeof value) {
    case "bigint":
      return Number.isSafeInteger(Number(value)) ? Number(value) : { integer: `${value}` };
    case "number":
      return Number.isFinite(value) ? value : { real: value > 0 ? "Infinity" : "-Infinity" };
    case "string":
      return value.includes("\0") ? { text: Buffer.from(value).toString("base64") } : value;
    default:
      return value === null ? null : { bytes: Buffer.from(value).toString("base64") };
  }
}

/** Text that can't be text here, as its bytes. */
export class BrokenText {
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/**
 * The way back. Whole numbers come back as integers, whatever they were: the file's 5.0 is 5 in JSON.
 *
 * @throws SyntaxError for an `integer` that is none.
 */
export function fromLegacyValue(value: LegacyValue): SqliteValue | BrokenText {
  if (value === null || typeof value === "string") return value;
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if ("integer" in value) return BigInt(value.integer);
  if ("real" in value) return Number(value.real);
  if ("bytes" in value) return Buffer.from(value.bytes, "base64");
  return new BrokenText(Buffer.from(value.text, "base64"));
}
