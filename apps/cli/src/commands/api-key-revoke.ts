import { printable, revokeApiKey } from "@tenantry/tenancy";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { CliError } from "../output/describe-problem.ts";
import { formatPairs } from "../output/table.ts";
import { askYesNo, canAsk } from "../prompt.ts";
import { withInstallation } from "../with-installation.ts";

export const apiKeyRevokeCommand = defineCommand({
  description: "Revokes an API key, for good: whoever uses it is refused from now on.",
  positionals: [{ name: "ID", required: true }],
  options: { yes: { type: "boolean", help: "Don't ask" } },
  examples: ["tenantry api-key revoke 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44 --yes"],
  run: async (context, values, [id = ""]) => {
    const { terminal, json, shutdown } = context;
    if (values.yes !== true) {
      const sure =
        canAsk(terminal) &&
        (await askYesNo(terminal, `Revoke API key ${printable(id)} for good?`, shutdown.signal));
      if (!sure) throw new CliError("NOT_CONFIRMED", "Nothing was revoked.", "Say yes, or give --yes.");
    }
    return withInstallation(context, { worker: false }, async ({ ctx }) => {
      const apiKey = await revokeApiKey(ctx, id);
      if (json) terminal.json({ apiKey });
      else {
        terminal.data(
          formatPairs([
            ["Id", apiKey.id],
            ["Name", printable(apiKey.name)],
            ["Revoked", apiKey.revokedAt ?? ""],
          ]),
        );
      }
      return EXIT.done;
    });
  },
});
