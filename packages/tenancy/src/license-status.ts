export const LICENSE_STATUSES = ["active", "inactive", "suspended", "expired"] as const;
export type LicenseStatus = (typeof LICENSE_STATUSES)[number];

export interface LicenseFacts {
  readonly is_active: boolean;
  readonly suspended_at: Date | null;
  readonly expires_at: Date | null;
}

/** A license's status, from its flags and dates alone: expiry needs no job to take effect. Order as the ERP checked it. */
export function licenseStatus(license: LicenseFacts, now: Date): LicenseStatus {
  if (!license.is_active) return "inactive";
  if (license.suspended_at !== null) return "suspended";
  if (license.expires_at !== null && license.expires_at <= now) return "expired";
  return "active";
}
