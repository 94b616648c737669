import { deactivateLicense, parseReason } from "@tenantry/tenancy";
import { defineLicenseChange, REASON_OPTION } from "../license-change.ts";

export const licenseDeactivateCommand = defineLicenseChange({
  verb: "deactivate",
  description: "Switches a license off: sign-ins and running sessions are refused at once.",
  options: { reason: REASON_OPTION },
  details: ["`tenantry license activate` switches it on again."],
  examples: ["tenantry license deactivate 7QKD-M3ZT-0V5H-XA2P"],
  body: ({ reason }) => (reason === undefined ? {} : { reason }),
  parse: parseReason,
  change: deactivateLicense,
});
