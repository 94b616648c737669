import { checkLicense, printable } from "@tenantry/tenancy";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { formatPairs } from "../output/table.ts";
import { withInstallation } from "../with-installation.ts";

export const licenseCheckCommand = defineCommand({
  description: "Checks whether a license may be used right now, and puts the check on record.",
  positionals: [{ name: "KEY", required: true }],
  options: {},
  details: ["Exits with 0 when the license is valid, with 1 when it isn't."],
  examples: ["tenantry license check 7QKD-M3ZT-0V5H-XA2P"],
  run: async (context, _values, [key = ""]) =>
    withInstallation(context, { worker: false }, async ({ ctx }) => {
      const check = await checkLicense(ctx, key, { ip: null, apiKeyId: null });
      const { terminal, json } = context;
      if (json) terminal.json(check);
      else {
        const { users, daysRemaining } = check;
        terminal.data(
          formatPairs([
            ["Valid", check.valid ? "yes" : "no"],
            ["Status", check.status],
            ...(check.reason === null ? [] : [["Reason", printable(check.reason)] as const]),
            ["Days left", daysRemaining === null ? "no end" : String(daysRemaining)],
            ["Users", `${users.used ?? "unknown"} of ${users.max}`],
          ]),
        );
      }
      return check.valid ? EXIT.done : EXIT.failed;
    }),
});
