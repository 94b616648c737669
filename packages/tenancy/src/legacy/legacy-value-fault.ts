import { isRecord } from "../license-fields.ts";

const INTEGER = /^-?(0|[1-9]\d{0,18})$/;
const INT8_MIN = -(2n ** 63n);
const INT8_MAX = 2n ** 63n - 1n;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** What is wrong with something that somebody gave as a value of a legacy row; null when it is one (see `LegacyValue`). */
export function legacyValueFault(value: unknown): string | null {
  if (value === null || typeof value === "number") return null;
  if (typeof value === "string") {
    return value.isWellFormed() ? null : "holds half of a surrogate pair, which is no character";
  }
  if (typeof value === "boolean") return "must be a number: 1 for true, 0 for false";
  const [entry, ...more] = isRecord(value) ? Object.entries(value) : [];
  if (entry === undefined || more.length > 0) {
    return 'must be null, a text, a number, or one of {"integer"}, {"real"}, {"bytes"}, {"text"}';
  }
  return formFault(...entry);
}

function formFault(form: string, value: unknown): string | null {
  if (typeof value !== "string") return `must have a text under ${JSON.stringify(form)}`;
  switch (form) {
    case "integer":
      return INTEGER.test(value) && BigInt(value) >= INT8_MIN && BigInt(value) <= INT8_MAX
        ? null
        : "is no whole number of 64 bits";
    case "real":
      return value === "Infinity" || value === "-Infinity" ? null : "must be Infinity or -Infinity";
    case "bytes":
    case "text":
      return BASE64.test(value) ? null : "is not base64";
    default:
      return `has no form ${JSON.stringify(form)}: it must be integer, real, bytes or text`;
  }
}
