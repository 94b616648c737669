import { getOperation, legacyRunFigures } from "@tenantry/tenancy";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { migrationJson, migrationText, whatNext } from "../legacy/conclude-migration.ts";
import { progressLine } from "../legacy/figures-text.ts";
import { withInstallation } from "../with-installation.ts";

export const migrateLegacyStatusCommand = defineCommand({
  description: "Shows how far a legacy migration is, and what became of each license so far.",
  positionals: [{ name: "RUN", required: true }],
  options: {},
  details: ["It only looks: `tenantry operation watch RUN` works on it in case nobody else does."],
  examples: ["tenantry migrate-legacy status 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44"],
  run: async (context, _values, [id = ""]) =>
    withInstallation(context, { worker: false }, async ({ ctx }) => {
      const { terminal, json } = context;
      // First: it knows whether the operation is a legacy migration at all.
      const figures = await legacyRunFigures(ctx, id);
      const run = await getOperation(ctx, id);
      if (json) terminal.json(await migrationJson(ctx, run, figures));
      else terminal.data(await migrationText(ctx, run, figures));
      if (run.state === "running" && run.children !== undefined) {
        terminal.note(progressLine(figures, terminal.progressIsTty));
      }
      for (const advice of whatNext(run, figures)) terminal.note(advice);
      return EXIT.done;
    }),
});
