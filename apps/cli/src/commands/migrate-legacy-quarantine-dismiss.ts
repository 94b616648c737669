import { dismissQuarantine } from "@tenantry/tenancy";
import { cliCaller } from "../actor.ts";
import { WrongUse } from "../arguments/wrong-use.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { QUARANTINE_OPTIONS, readQuarantineFilter } from "../legacy/quarantine-options.ts";
import { count } from "../output/license-text.ts";
import { askYesNo, canAsk } from "../prompt.ts";
import { withInstallation } from "../with-installation.ts";

export const migrateLegacyQuarantineDismissCommand = defineCommand({
  description: "Sets rows in quarantine aside for good: nobody means to import them. They stay on record.",
  positionals: [{ name: "RUN", required: true }],
  options: {
    id: { type: "string", multiple: true, value: "ID", help: "Only this one" },
    ...QUARANTINE_OPTIONS,
    all: { type: "boolean", help: "All that wait" },
    yes: { type: "boolean", help: "Don't ask" },
  },
  details: ["Name rows by --id, --license and --table, which narrow each other, or say --all."],
  examples: [
    "tenantry migrate-legacy quarantine dismiss 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44 --table security_logs",
  ],
  run: async (context, values, [runId = ""]) => {
    const filter = readQuarantineFilter(values);
    const selection = { ...filter, ...(values.id === undefined ? {} : { ids: values.id }) };
    if ((Object.keys(selection).length === 0) !== (values.all === true)) {
      throw new WrongUse(
        "Which rows is not clear.",
        "Name them by --id, --license or --table; or say --all, and nothing else.",
      );
    }
    if (values.yes !== true && !(await confirmed(context))) {
      context.terminal.note("Nothing was done.");
      return EXIT.failed;
    }
    return withInstallation(context, { worker: false }, async ({ ctx }) => {
      const outcome = await dismissQuarantine(ctx, runId, selection, cliCaller().actor);
      if (context.json) context.terminal.json(outcome);
      else context.terminal.line(`${count(outcome.dismissed, "row", "rows")} set aside.`);
      return EXIT.done;
    });
  },
});

async function confirmed({ terminal, shutdown }: CommandContext): Promise<boolean> {
  if (!canAsk(terminal)) {
    throw new WrongUse("Nobody is there to be asked.", "Add --yes to do it without asking.");
  }
  return askYesNo(terminal, "Set these rows aside for good?", shutdown.signal);
}
