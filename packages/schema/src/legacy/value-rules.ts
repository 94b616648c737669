import type { ValueRule } from "./import-plan.ts";

const INTEGERS: Readonly<Record<string, { readonly min: string; readonly max: string }>> = {
  smallint: { min: "-32768", max: "32767" },
  integer: { min: "-2147483648", max: "2147483647" },
  bigint: { min: "-9223372036854775808", max: "9223372036854775807" },
};

/** What a numeric without bounds is read to: enough for every double between 1e-20 and 1e20, and each of its digits. */
const UNBOUNDED_NUMERIC = { precision: 200, scale: 40 };

/**
 * The rule that a value has to keep to for a column of a type.
 *
 * @param type as PostgreSQL's `format_type` writes it
 * @param zone IANA name that times without one are in
 * @returns null for types that no rule writes exactly as PostgreSQL would
 */
export function ruleForType(type: string, zone: string): ValueRule | null {
  const integer = INTEGERS[type];
  if (integer !== undefined) return { kind: "integer", ...integer };
  const varchar = /^character varying(?:\((\d+)\))?$/.exec(type);
  if (varchar !== null) return { kind: "text", max: varchar[1] === undefined ? null : Number(varchar[1]) };
  const numeric = /^numeric\((\d+),(\d+)\)$/.exec(type);
  if (numeric !== null) return { kind: "decimal", precision: Number(numeric[1]), scale: Number(numeric[2]) };
  switch (type) {
    case "text":
      return { kind: "text", max: null };
    case "numeric":
      return { kind: "decimal", ...UNBOUNDED_NUMERIC };
    case "boolean":
    case "date":
    case "uuid":
      return { kind: type };
    case "time without time zone":
      return { kind: "time" };
    case "timestamp with time zone":
      return { kind: "timestamp", zone };
    case "jsonb":
      return { kind: "json", asString: false };
    case "bytea":
      return { kind: "bytes" };
    default:
      return null;
  }
}

/** A constant default in the form in which the rule writes values, so that both sides' checksums agree. */
export function canonicalDefault(text: string, rule: ValueRule): string {
  switch (rule.kind) {
    case "boolean":
      return /^t/i.test(text) ? "true" : "false";
    case "decimal": {
      const [whole = "0", fraction = ""] = text.split(".");
      return rule.scale === 0 ? whole : `${whole}.${fraction.padEnd(rule.scale, "0")}`;
    }
    default:
      return text;
  }
}

/** A moment as PostgreSQL writes a `timestamptz` in UTC. */
export function timestampText(moment: Date): string {
  const [seconds = "", fraction = ""] = moment.toISOString().slice(0, -1).split(".");
  const shown = fraction.replace(/0+$/, "");
  return `${seconds.replace("T", " ")}${shown === "" ? "" : `.${shown}`}+00`;
}
