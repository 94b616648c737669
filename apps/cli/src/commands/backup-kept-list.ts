import { listKeptSchemas } from "@tenantry/tenancy";
import { PAGE_OPTIONS, readPage } from "../arguments/page-options.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { KEPT_COLUMNS } from "../output/backup-text.ts";
import { printPage } from "../output/print-page.ts";
import { withInstallation } from "../with-installation.ts";

export const backupKeptListCommand = defineCommand({
  description: "Lists the schemas that restores have put aside, newest first. Times are UTC.",
  options: { ...PAGE_OPTIONS },
  details: ["Each goes by itself when RESTORE_KEEP has passed since its restore."],
  examples: ["tenantry backup kept list"],
  run: async (context, values) => {
    const page = readPage(values);
    return withInstallation(context, { worker: false }, async ({ ctx }) => {
      printPage(context, KEPT_COLUMNS, await listKeptSchemas(ctx, page), "No schema is kept.");
      return EXIT.done;
    });
  },
});
