import { activateLicense, parseReason } from "@tenantry/tenancy";
import { defineLicenseChange, REASON_OPTION } from "../license-change.ts";

export const licenseActivateCommand = defineLicenseChange({
  verb: "activate",
  description: "Switches an inactive license on.",
  options: { reason: REASON_OPTION },
  examples: ["tenantry license activate 7QKD-M3ZT-0V5H-XA2P"],
  body: ({ reason }) => (reason === undefined ? {} : { reason }),
  parse: parseReason,
  change: activateLicense,
});
