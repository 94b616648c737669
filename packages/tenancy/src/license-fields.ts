import type { Fault } from "./errors.ts";
import { type TextRule, textFaults } from "./text-rules.ts";

/** The longest that a license may be sold or extended for at once, in days: a hundred years. */
export const MAX_LICENSE_DAYS = 36_500;
/** Users or branches at most. */
export const MAX_COUNT = 1_000_000;
export const MAX_REASON = 10_000;
export const EMAIL = "^[^\\s@]+@[^\\s@]+$";

const TEXT_RULES: Readonly<Record<string, TextRule>> = {
  clientName: { maxLength: 256, required: true },
  email: { maxLength: 254 },
  phone: { maxLength: 40 },
  company: { maxLength: 256 },
  adminUsername: { maxLength: 64, required: true },
  adminPassword: { maxLength: 128 },
  notes: { maxLength: 10_000, multiline: true },
  reason: { maxLength: MAX_REASON, multiline: true, required: true },
};

/** What is wrong with the texts of a request about a license, beyond what its schema finds. */
export function fieldTextFaults(request: Readonly<Record<string, unknown>>): Fault[] {
  return Object.entries(TEXT_RULES).flatMap(([field, rule]) => {
    const value = request[field];
    return typeof value === "string" ? textFaults(`/${field}`, value, rule) : [];
  });
}

/** RFC 3339, with a zone: a time without one would mean something else on each server. */
const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

/** What is wrong with `expiresAt`. */
export function endFaults(expiresAt: string, now: Date): Fault[] {
  const fault = (detail: string): Fault[] => [{ pointer: "/expiresAt", detail }];
  const end = DATE_TIME.test(expiresAt) ? new Date(expiresAt) : new Date(Number.NaN);
  if (Number.isNaN(end.getTime())) {
    return fault("must be a date and time with a zone, such as 2027-01-31T23:59:59Z");
  }
  if (end <= now) return fault("lies in the past");
  if (end.getTime() - now.getTime() > MAX_LICENSE_DAYS * 86_400_000) {
    return fault(`lies more than ${MAX_LICENSE_DAYS} days ahead`);
  }
  return [];
}

/** A text that is too long, say, is found by the schema and by the text rules: once is enough. */
export function uniqueFaults(faults: readonly Fault[]): Fault[] {
  return [...new Map(faults.map((fault) => [`${fault.pointer} ${fault.detail}`, fault])).values()];
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
