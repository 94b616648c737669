import type { ColumnPlan } from "@tenantry/schema/legacy";
import { decimalUnits, parseDecimal } from "./values/decimal-text.ts";
import { ruleConverter } from "./values/rule.ts";
import { sqliteText } from "./values/sqlite-text.ts";
import {
  type Changed,
  type Converter,
  changed,
  EMPTY,
  type Reading,
  type Refused,
  refused,
  type SomeValue,
} from "./values/value.ts";

/** A column of a plan, made ready. */
export interface Column {
  readonly plan: ColumnPlan;
  /** The column as quarantine names it: the source's, or the target's where it has no source. */
  readonly name: string;
  /** Of NULL. Its text is null where NULL may stay. */
  readonly ofNull: Changed | Refused;
  readonly read: Converter;
  /** True where the text may hold any character; other texts are made of letters and digits alone. */
  readonly holdsText: boolean;
  /** True where the text may hold what COPY has to be told in another way. */
  readonly needsEscape: boolean;
}

const OF_TEXT: ReadonlySet<string> = new Set(["text", "json", "anything"]);

const NOT_ALLOWED = refused(
  "not-allowed",
  "The column takes only certain values, and this isn't one of them.",
);
const BEYOND = refused("out-of-range", "The number is outside the limits that the column sets.");
const MISSING = refused("missing", "There is no value where there has to be one.");
const UNMATCHED = changed(null, "pattern-unmatched");

/**
 * @throws RangeError for a zone, SyntaxError for a pattern that is none.
 */
export function prepareColumn(plan: ColumnPlan): Column {
  const name = plan.source ?? plan.target;
  const holdsText = OF_TEXT.has(plan.value.kind);
  const needsEscape = holdsText || plan.value.kind === "bytes" || plan.whenNull.kind === "value";
  if (plan.source === null) {
    // Nothing was there to be converted, so a default counts as nothing.
    const given = plan.whenNull;
    const ofNull =
      given.kind === "quarantine" ? MISSING : changed(given.kind === "value" ? given.text : null);
    return { plan, name, ofNull, read: () => ofNull, holdsText, needsEscape };
  }
  let read = ruleConverter(plan.value);
  if (plan.oneOf !== undefined) read = withAllowed(read, plan.oneOf);
  if (plan.least !== undefined || plan.most !== undefined) read = withLimits(read, plan);
  if (plan.pattern !== undefined) read = withPattern(read, new RegExp(plan.pattern, "u"), plan.strip ?? "");
  if (plan.values !== undefined) read = withValues(read, plan.values);
  return {
    plan,
    name,
    ofNull: settleNull(plan, changed(null)),
    read: plan.whenNull.kind === "null" ? read : withDue(read, plan),
    holdsText,
    needsEscape,
  };
}

/** What becomes of a value that is NULL, or means it. */
function settleNull({ whenNull }: ColumnPlan, nothing: Changed): Changed | Refused {
  if (whenNull.kind === "quarantine") return MISSING;
  if (whenNull.kind === "null") return nothing;
  return changed(whenNull.text, ...nothing.by, "null-to-default");
}

function withDue(read: Converter, plan: ColumnPlan): Converter {
  return (value) => {
    const reading = read(value);
    if (typeof reading === "string" || reading.kind === "refused" || reading.text !== null) return reading;
    return settleNull(plan, reading);
  };
}

/** Checks a text that was read; what was refused or means NULL passes. */
function checked(reading: Reading, holds: (text: string) => boolean, fault: Refused): Reading {
  if (typeof reading === "string") return holds(reading) ? reading : fault;
  if (reading.kind === "refused" || reading.text === null) return reading;
  return holds(reading.text) ? reading : fault;
}

function withAllowed(read: Converter, oneOf: readonly string[]): Converter {
  const allowed = new Set(oneOf);
  return (value) => {
    // An empty form field chose none of them.
    if (value === "" && !allowed.has("")) return EMPTY;
    return checked(read(value), (text) => allowed.has(text), NOT_ALLOWED);
  };
}

function withLimits(read: Converter, { value, least, most }: ColumnPlan): Converter {
  const limits = [least, most].map((text) => (text === undefined ? null : parseDecimal(text)));
  const scale = Math.max(
    value.kind === "decimal" ? value.scale : 0,
    ...limits.map((limit) => limit?.decimals ?? 0),
  );
  const [low, high] = limits.map((limit) => (limit === null ? null : decimalUnits(limit, scale)));
  const holds = (text: string): boolean => {
    const number = parseDecimal(text);
    if (number === null) return false;
    const units = decimalUnits(number, scale);
    return (low == null || units >= low) && (high == null || units <= high);
  };
  return (reading) => checked(read(reading), holds, BEYOND);
}

function withPattern(read: Converter, pattern: RegExp, strip: string): Converter {
  const stripped = new Set(strip);
  return (value) => {
    const text = textOf(value);
    const group = text === null ? undefined : pattern.exec(text)?.[1];
    if (group === undefined) return UNMATCHED;
    return read(stripped.size === 0 ? group : [...group].filter((each) => !stripped.has(each)).join(""));
  };
}

function withValues(read: Converter, values: Readonly<Record<string, string>>): Converter {
  const renamed = new Map(Object.entries(values));
  return (value) => {
    const text = textOf(value);
    const other = text === null ? undefined : renamed.get(text);
    if (other === undefined) return read(value);
    const reading = read(other);
    if (typeof reading === "string") return changed(reading, "value-renamed");
    return reading.kind === "refused" ? reading : changed(reading.text, ...reading.by, "value-renamed");
  };
}

function textOf(value: SomeValue): string | null {
  if (typeof value === "string") return value;
  return typeof value === "object" ? null : sqliteText(value);
}
