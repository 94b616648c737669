import { confirmMove, normalizeLicenseKey, printable } from "@tenantry/tenancy";
import { cliCaller } from "../actor.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { CliError } from "../output/describe-problem.ts";
import { askYesNo, canAsk } from "../prompt.ts";
import { withInstallation } from "../with-installation.ts";

export const tenantConfirmMoveCommand = defineCommand({
  description: "Drops what a move left on the old server, once the tenant is well on the new one.",
  positionals: [{ name: "KEY", required: true }],
  options: { yes: { type: "boolean", help: "Don't ask" } },
  examples: ["tenantry tenant confirm-move 7QKD-M3ZT-0V5H-XA2P --yes"],
  run: async (context, values, [key = ""]) => {
    const { terminal, json, shutdown } = context;
    const licenseKey = normalizeLicenseKey(key);
    if (values.yes !== true) {
      const question = `Drop what ${printable(licenseKey)} left on its old server, for good?`;
      const sure = canAsk(terminal) && (await askYesNo(terminal, question, shutdown.signal));
      if (!sure) throw new CliError("NOT_CONFIRMED", "Nothing was dropped.", "Say yes, or give --yes.");
    }
    return withInstallation(context, { worker: false }, async ({ ctx }) => {
      await confirmMove(ctx, { licenseKey }, cliCaller().actor);
      if (json) terminal.json({ licenseKey });
      else terminal.note("It is gone.");
      return EXIT.done;
    });
  },
});
