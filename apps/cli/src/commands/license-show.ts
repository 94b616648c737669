import { getLicense, listOperations } from "@tenantry/tenancy";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { licensePairs, operationPairs } from "../output/license-text.ts";
import { formatPairs } from "../output/table.ts";
import { withInstallation } from "../with-installation.ts";

export const licenseShowCommand = defineCommand({
  description: "Shows a license, its tenant and its latest operation.",
  positionals: [{ name: "KEY", required: true }],
  options: {},
  examples: ["tenantry license show 7QKD-M3ZT-0V5H-XA2P"],
  run: async (context, _values, [key = ""]) =>
    withInstallation(context, { worker: false }, async ({ ctx }) => {
      const { license, tenant } = await getLicense(ctx, key);
      const { items } = await listOperations(ctx, { licenseKey: license.key }, { limit: 1 });
      const operation = items[0] ?? null;
      const { terminal, json } = context;
      if (json) terminal.json({ license, tenant, operation });
      else {
        const latest =
          operation === null ? [] : operationPairs(operation).filter(([name]) => name !== "License");
        terminal.data(`${formatPairs(licensePairs(license, tenant))}\n${formatPairs(latest)}`);
      }
      return EXIT.done;
    }),
});
