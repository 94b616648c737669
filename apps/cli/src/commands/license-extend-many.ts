import { BULK_CHANGE_DETAILS, BULK_CHANGE_OPTIONS, runBulkChange } from "../bulk-change-command.ts";
import { defineCommand } from "../command.ts";

export const licenseExtendManyCommand = defineCommand({
  description: "Puts the end of many licenses off by some days.",
  options: {
    days: {
      type: "string",
      value: "N",
      help: "Days, from the end or from now, whichever is later (required)",
    },
    ...BULK_CHANGE_OPTIONS,
  },
  details: BULK_CHANGE_DETAILS,
  examples: ["tenantry license extend-many --keys-file renewed.txt --days 365 --yes"],
  run: (context, values) => runBulkChange(context, "extend", values),
});
