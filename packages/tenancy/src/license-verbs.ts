import type { TenantState } from "@tenantry/schema";
import { type LicenseFacts, licenseStatus } from "./license-status.ts";

export const LICENSE_VERBS = ["change", "suspend", "resume", "activate", "deactivate", "extend"] as const;
export type LicenseVerb = (typeof LICENSE_VERBS)[number];

/** Why a verb doesn't fit a license as it is, and what does. */
export interface LicenseRefusal {
  readonly detail: string;
  readonly hint: string;
}

/**
 * Whether a verb fits a license; null when it does. Each verb but `change` turns one fact, so it fits when that fact
 * is there to be turned, whatever the others say: a suspended license can be switched off too, and an expired one
 * suspended. Nothing fits a license whose tenant is being deleted.
 */
export function licenseRefusal(
  verb: LicenseVerb,
  license: LicenseFacts,
  tenantState: TenantState | null,
  now: Date,
): LicenseRefusal | null {
  if (tenantState === "deleting") {
    return {
      detail: "The license is being deleted.",
      hint: "Look at its delete-tenant operation: `tenantry operation list --license KEY`.",
    };
  }
  if (tenantState === "deleted") {
    return { detail: "The license was deleted.", hint: "It can't be changed any more; sell a new one." };
  }
  const status = licenseStatus(license, now);
  switch (verb) {
    case "change":
      return null;
    case "suspend":
      return license.suspended_at === null
        ? null
        : {
            detail: "The license is suspended already.",
            hint: "To suspend it for another reason, resume it first.",
          };
    case "resume":
      return license.suspended_at !== null
        ? null
        : {
            detail: `The license is ${status}; only a suspended one can be resumed.`,
            hint: WAY_BACK[status],
          };
    case "activate":
      return license.is_active
        ? {
            detail: `The license is ${status}; only an inactive one can be activated.`,
            hint: WAY_BACK[status],
          }
        : null;
    case "deactivate":
      return license.is_active
        ? null
        : { detail: "The license is inactive already.", hint: "There is nothing to do." };
    case "extend":
      return license.expires_at !== null
        ? null
        : {
            detail: "The license has no end, so it can't be extended.",
            hint: "It lasts for ever. To give it an end, change its `expiresAt`.",
          };
  }
}

/** What brings a license of each status back into use. */
const WAY_BACK = {
  active: "There is nothing to do.",
  inactive: "Activate it: `tenantry license activate KEY`.",
  suspended: "Resume it: `tenantry license resume KEY`.",
  expired: "Extend it: `tenantry license extend KEY --days N`.",
} as const;
