import { LICENSE_TYPES, type LicenseType } from "../control/tables.ts";
import { entryByName } from "./legacy-names.ts";
import { momentOf } from "./wall-clock.ts";

/** Longest term of each type, in days. What lasts longer than the last of them is still sold by the year. */
const LONGEST_DAYS: readonly (readonly [LicenseType, number])[] = [
  ["monthly", 31],
  ["quarterly", 92],
  ["semi_annual", 184],
];
const DAY_MS = 86_400_000;

/**
 * Reads the fields of a license as a source has them, whether of a table's row or of JSON, and notes what had to be
 * replaced and what has no reading at all. Values are never part of a note.
 */
export class LicenseFields {
  readonly replaced: string[] = [];
  readonly faults: string[] = [];
  readonly #entry: Readonly<Record<string, unknown>>;

  constructor(entry: Readonly<Record<string, unknown>>) {
    this.#entry = entry;
  }

  /** Null for a field that is empty or isn't there. The text is as it stands. */
  text(field: string): string | null {
    const value = entryByName(this.#entry, field);
    if (value === undefined || value === null || value === "") return null;
    if (typeof value === "string") return value;
    if (typeof value === "number") return String(value);
    if (isObject(value) && typeof value.integer === "string") return value.integer;
    return this.#fault(`its ${field} is no text`);
  }

  /** How many users or branches it allows: at least 1, which is also taken where the source says nothing. */
  limit(field: string): number {
    const text = this.text(field);
    const value = text !== null && /^\s*\d{1,15}(?:\.0+)?\s*$/.test(text) ? Math.trunc(Number(text)) : 0;
    if (value >= 1) return value;
    this.replaced.push(`${field} says ${text === null ? "nothing" : "no number from 1 on"}: 1 is taken`);
    return 1;
  }

  /** As Python takes it: 0 and NULL are false. */
  flag(field: string): boolean {
    const value = entryByName(this.#entry, field);
    return !(
      value === undefined ||
      value === null ||
      value === false ||
      value === 0 ||
      value === "" ||
      value === "0"
    );
  }

  /** See `momentOf`. */
  moment(field: string, zone: string, dayOnly?: string): Date | null {
    const text = this.text(field);
    if (text === null) return null;
    return momentOf(text, zone, dayOnly) ?? this.#fault(`its ${field} is no date`);
  }

  /** A type in other words than Tenantry's becomes the one that its term is nearest to. */
  licenseType(field: string, from: Date | null, to: Date | null): LicenseType {
    const text = this.text(field);
    const known = LICENSE_TYPES.find((type) => type === text?.trim().toLowerCase().replaceAll("-", "_"));
    if (known !== undefined) return known;
    const type = typeByTerm(from, to);
    this.replaced.push(
      `${field} ${text === null ? "says nothing" : "is a type that isn't known"}: by its term, ${type} is taken`,
    );
    return type;
  }

  #fault(fault: string): null {
    this.faults.push(fault);
    return null;
  }
}

function typeByTerm(from: Date | null, to: Date | null): LicenseType {
  if (to === null) return "lifetime";
  const days = from === null ? Number.POSITIVE_INFINITY : (to.getTime() - from.getTime()) / DAY_MS;
  return LONGEST_DAYS.find(([, longest]) => days <= longest)?.[0] ?? "yearly";
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
