import type { LicenseType } from "@tenantry/schema";

/** Days that a license of each type lasts unless the request says otherwise; null is for ever. */
export const DEFAULT_DURATION_DAYS: Readonly<Record<LicenseType, number | null>> = {
  trial: 30,
  monthly: 30,
  quarterly: 91,
  semi_annual: 182,
  yearly: 365,
  lifetime: null,
};

const DAY_MS = 86_400_000;

/** When a license ends, or null for never. `expiresAt` and `durationDays` exclude each other (validated before). */
export function licenseEnd(
  term: { licenseType: LicenseType; durationDays?: number; expiresAt?: Date },
  from: Date,
): Date | null {
  if (term.expiresAt !== undefined) return term.expiresAt;
  const days = term.durationDays ?? DEFAULT_DURATION_DAYS[term.licenseType];
  return days === null ? null : new Date(from.getTime() + days * DAY_MS);
}

/** Times after it can't be written as RFC 3339. */
const LAST_YEAR = 9999;

/** An end put off by some days, counted from now when it has passed; null when that lies beyond the year 9999. */
export function extendedEnd(end: Date, days: number, now: Date): Date | null {
  const extended = new Date(Math.max(end.getTime(), now.getTime()) + days * DAY_MS);
  // A date beyond what JavaScript can hold has NaN for its year.
  return extended.getUTCFullYear() <= LAST_YEAR ? extended : null;
}
