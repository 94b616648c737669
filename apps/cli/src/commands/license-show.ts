import { getLicense, listLicenseEvents, listOperations } from "@tenantry/tenancy";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { HISTORY_COLUMNS } from "../output/license-history.ts";
import { licensePairs, operationPairs } from "../output/license-text.ts";
import { formatPairs, formatTable } from "../output/table.ts";
import { withInstallation } from "../with-installation.ts";

/** The rest: `tenantry license events`. */
const LATEST_EVENTS = 5;

export const licenseShowCommand = defineCommand({
  description: "Shows a license, its tenant, its latest operation and its latest events.",
  positionals: [{ name: "KEY", required: true }],
  options: {},
  examples: ["tenantry license show 7QKD-M3ZT-0V5H-XA2P"],
  run: async (context, _values, [key = ""]) =>
    withInstallation(context, { worker: false }, async ({ ctx }) => {
      const { license, tenant } = await getLicense(ctx, key);
      const { items } = await listOperations(ctx, { licenseKey: license.key }, { limit: 1 });
      const operation = items[0] ?? null;
      const { items: events } = await listLicenseEvents(ctx, license.key, { limit: LATEST_EVENTS });
      const { terminal, json } = context;
      if (json) terminal.json({ license, tenant, operation, events });
      else {
        const latest =
          operation === null ? [] : operationPairs(operation).filter(([name]) => name !== "License");
        const parts = [formatPairs(licensePairs(license, tenant)), formatPairs(latest)];
        if (events.length > 0) parts.push(formatTable(HISTORY_COLUMNS, events));
        terminal.data(parts.join("\n"));
      }
      return EXIT.done;
    }),
});
