import { parseReason, resumeLicense } from "@tenantry/tenancy";
import { defineLicenseChange, REASON_OPTION } from "../license-change.ts";

export const licenseResumeCommand = defineLicenseChange({
  verb: "resume",
  description: "Takes a license's suspension back.",
  options: { reason: REASON_OPTION },
  examples: ["tenantry license resume 7QKD-M3ZT-0V5H-XA2P"],
  body: ({ reason }) => (reason === undefined ? {} : { reason }),
  parse: parseReason,
  change: resumeLicense,
});
