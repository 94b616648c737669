import { BULK_CHANGE_DETAILS, BULK_CHANGE_OPTIONS, runBulkChange } from "../bulk-change-command.ts";
import { defineCommand } from "../command.ts";

export const licenseResumeManyCommand = defineCommand({
  description: "Takes the suspension of many licenses back.",
  options: BULK_CHANGE_OPTIONS,
  details: BULK_CHANGE_DETAILS,
  examples: ["tenantry license resume-many --status suspended --q acme --reason 'Paid'"],
  run: (context, values) => runBulkChange(context, "resume", values),
});
