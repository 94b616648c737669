import { type LegacyLicense, LICENSE_TYPES, type LicenseType } from "@tenantry/schema";

/** What the source says of a license, as it is kept with the plan: JSON, without anything secret. */
export interface LicenseFacts {
  readonly email: string | null;
  readonly phone: string | null;
  readonly company: string | null;
  readonly licenseType: LicenseType;
  readonly maxUsers: number;
  readonly maxBranches: number;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly isActive: boolean;
  readonly isSuspended: boolean;
  readonly suspensionReason: string | null;
  readonly notes: string | null;
  /** ISO 8601, in UTC. */
  readonly createdAt: string | null;
  readonly activatedAt: string | null;
  readonly expiresAt: string | null;
  readonly adminUsername: string | null;
  /** The schema's name that it should have if that is free. */
  readonly schema: string | null;
  readonly owned: LegacyLicense["owned"];
}

/** To be asked only of a license that `licenseFaults` found nothing wrong with. */
export function licenseFacts(license: LegacyLicense): LicenseFacts {
  return {
    email: license.email,
    phone: license.phone,
    company: license.company,
    licenseType: license.licenseType,
    maxUsers: license.maxUsers,
    maxBranches: license.maxBranches,
    parameters: license.parameters,
    isActive: license.isActive,
    isSuspended: license.isSuspended,
    suspensionReason: license.suspensionReason,
    notes: license.notes,
    createdAt: license.createdAt?.toISOString() ?? null,
    activatedAt: license.activatedAt?.toISOString() ?? null,
    expiresAt: license.expiresAt?.toISOString() ?? null,
    adminUsername: license.admin?.username ?? null,
    schema: license.schema,
    owned: license.owned,
  };
}

/** In characters: the control schema's columns. */
const LONGEST = { clientName: 256, email: 254, phone: 40, company: 256 } as const;
const LONGEST_USERNAME = 64;
const LONGEST_HASH = 256;
const LARGEST_LIMIT = 2_147_483_647;

/** What of a license can't be kept as it is: sentences without their beginning, and without the values. */
export function licenseFaults(license: LegacyLicense): string[] {
  const faults: string[] = [];
  for (const [field, longest] of Object.entries(LONGEST) as [keyof typeof LONGEST, number][]) {
    faults.push(...textFaults(field, license[field], longest));
  }
  faults.push(...textFaults("notes", license.notes, Number.POSITIVE_INFINITY));
  faults.push(...textFaults("suspensionReason", license.suspensionReason, Number.POSITIVE_INFINITY));
  if (!LICENSE_TYPES.includes(license.licenseType)) faults.push("its type is none that exists");
  for (const limit of ["maxUsers", "maxBranches"] as const) {
    const value = license[limit];
    if (!Number.isInteger(value) || value < 1 || value > LARGEST_LIMIT) {
      faults.push(`${limit} is no whole number from 1 to ${LARGEST_LIMIT}`);
    }
  }
  for (const date of ["createdAt", "activatedAt", "expiresAt"] as const) {
    const year = license[date]?.getUTCFullYear() ?? 1;
    if (!(year >= 1 && year <= 9999)) faults.push(`${date} is no time between the years 1 and 9999`);
  }
  if (license.admin !== null && license.file === null) {
    const { username, password } = license.admin;
    faults.push(...textFaults("the admin's name", username, LONGEST_USERNAME));
    if ("hash" in password)
      faults.push(...textFaults("the admin's password hash", password.hash, LONGEST_HASH));
  }
  return faults;
}

function textFaults(field: string, text: string | null, longest: number): string[] {
  if (text === null) return [];
  // PostgreSQL keeps neither.
  if (text.includes("\0") || !text.isWellFormed()) return [`${field} holds what is no text`];
  return [...text].length > longest ? [`${field} has more than ${longest} characters`] : [];
}
