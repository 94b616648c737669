import { extendLicense, parseExtendLicense } from "@tenantry/tenancy";
import { defineLicenseChange, REASON_OPTION } from "../license-change.ts";
import { numberOrText } from "../license-request.ts";

export const licenseExtendCommand = defineLicenseChange({
  verb: "extend",
  description: "Puts a license's end off, counted from its end, or from now when that has passed.",
  options: {
    days: { type: "string", value: "N", help: "Days, 1 to 36500 (required)" },
    reason: REASON_OPTION,
  },
  examples: ["tenantry license extend 7QKD-M3ZT-0V5H-XA2P --days 365"],
  body: ({ days, reason }) => ({
    ...(typeof days === "string" ? { days: numberOrText(days) } : {}),
    ...(reason === undefined ? {} : { reason }),
  }),
  parse: parseExtendLicense,
  change: extendLicense,
});
