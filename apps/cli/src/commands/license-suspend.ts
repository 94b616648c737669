import { parseSuspendLicense, suspendLicense } from "@tenantry/tenancy";
import { defineLicenseChange, REASON_OPTION } from "../license-change.ts";

export const licenseSuspendCommand = defineLicenseChange({
  verb: "suspend",
  description: "Suspends a license: sign-ins and running sessions are refused at once.",
  options: { reason: { ...REASON_OPTION, help: "Why; users of the API see it with the license (required)" } },
  details: ["`tenantry license resume` takes it back."],
  examples: ["tenantry license suspend 7QKD-M3ZT-0V5H-XA2P --reason 'Invoice 4711 is overdue'"],
  body: ({ reason }) => (reason === undefined ? {} : { reason }),
  parse: parseSuspendLicense,
  change: suspendLicense,
});
