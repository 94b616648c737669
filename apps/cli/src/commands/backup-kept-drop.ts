import { dropKept, printable } from "@tenantry/tenancy";
import { cliCaller } from "../actor.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { CliError } from "../output/describe-problem.ts";
import { askYesNo, canAsk } from "../prompt.ts";
import { withInstallation } from "../with-installation.ts";

export const backupKeptDropCommand = defineCommand({
  description: "Drops a schema that a restore has put aside, before its time.",
  positionals: [{ name: "ID", required: true }],
  options: { yes: { type: "boolean", help: "Don't ask" } },
  details: ["The restore can't be taken back after that, except from a backup."],
  examples: ["tenantry backup kept drop 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44 --yes"],
  run: async (context, values, [id = ""]) => {
    const { terminal, json, shutdown } = context;
    if (values.yes !== true) {
      const question = `Drop the kept schema ${printable(id)} for good?`;
      const sure = canAsk(terminal) && (await askYesNo(terminal, question, shutdown.signal));
      if (!sure) throw new CliError("NOT_CONFIRMED", "Nothing was dropped.", "Say yes, or give --yes.");
    }
    return withInstallation(context, { worker: false }, async ({ ctx }) => {
      await dropKept(ctx, id, cliCaller());
      if (json) terminal.json({ id });
      else terminal.note("It is gone.");
      return EXIT.done;
    });
  },
});
