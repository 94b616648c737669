import { listLicenseEvents } from "@tenantry/tenancy";
import { PAGE_OPTIONS, readPage } from "../arguments/page-options.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { HISTORY_COLUMNS } from "../output/license-history.ts";
import { printPage } from "../output/print-page.ts";
import { withInstallation } from "../with-installation.ts";

export const licenseEventsCommand = defineCommand({
  description: "Lists what happened to a license, newest first: when, what, who, from what to what, and why.",
  positionals: [{ name: "KEY", required: true }],
  options: { ...PAGE_OPTIONS },
  examples: ["tenantry license events 7QKD-M3ZT-0V5H-XA2P"],
  run: async (context, values, [key = ""]) => {
    const page = readPage(values);
    return withInstallation(context, { worker: false }, async ({ ctx }) => {
      const events = await listLicenseEvents(ctx, key, page);
      printPage(context, HISTORY_COLUMNS, events, "Nothing is on record.");
      return EXIT.done;
    });
  },
});
