import { legacyReport } from "@tenantry/tenancy";
import { WrongUse } from "../arguments/wrong-use.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { assertReportPath, writeReport } from "../legacy/report-files.ts";
import { withInstallation } from "../with-installation.ts";

export const migrateLegacyReportCommand = defineCommand({
  description:
    "Writes the report of a legacy migration: what was moved, verified, converted and left, license by license.",
  positionals: [{ name: "RUN", required: true }],
  options: { out: { type: "string", value: "FILE", help: "FILE as JSON, and a page beside it (.html)" } },
  details: [
    "With --json and without --out it goes to stdout. It quotes customers' rows: keep it to those who may see them.",
  ],
  examples: ["tenantry migrate-legacy report 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44 --out moved.json"],
  run: async (context, { out }, [id = ""]) => {
    if (out === undefined && !context.json) {
      throw new WrongUse("Where to is not said.", "--out FILE, or --json for stdout.");
    }
    if (out !== undefined) await assertReportPath(out);
    return withInstallation(context, { worker: false }, async ({ ctx }) => {
      if (out === undefined) context.terminal.json(await legacyReport(ctx, id));
      else await writeReport(context.terminal, ctx, id, out);
      return EXIT.done;
    });
  },
});
