import { BULK_CHANGE_DETAILS, BULK_CHANGE_OPTIONS, runBulkChange } from "../bulk-change-command.ts";
import { defineCommand } from "../command.ts";

export const licenseSuspendManyCommand = defineCommand({
  description: "Suspends many licenses: their users' sign-ins and sessions are refused from then on.",
  options: BULK_CHANGE_OPTIONS,
  details: BULK_CHANGE_DETAILS,
  examples: [
    "tenantry license suspend-many --keys-file unpaid.txt --reason 'Invoice open' --yes",
    "tenantry license suspend-many --status expired --blueprint erp --reason 'Contract ended'",
  ],
  run: (context, values) => runBulkChange(context, "suspend", values),
});
