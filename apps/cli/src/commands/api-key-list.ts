import { type ApiKey, listApiKeys, printable } from "@tenantry/tenancy";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { type Column, formatTable } from "../output/table.ts";
import { withInstallation } from "../with-installation.ts";

const COLUMNS: readonly Column<ApiKey>[] = [
  { title: "ID", cell: ({ id }) => id },
  { title: "NAME", cell: ({ name }) => printable(name) },
  { title: "STATE", cell: ({ revokedAt }) => (revokedAt === null ? "live" : "revoked") },
  { title: "LAST USED", cell: ({ lastUsedAt }) => lastUsedAt?.slice(0, 16).replace("T", " ") ?? "never" },
  { title: "SCOPES", cell: ({ scopes }) => printable(scopes.join(" ")) },
];

export const apiKeyListCommand = defineCommand({
  description: "Lists API keys, newest first, the revoked ones too. Their tokens are stored nowhere.",
  options: {},
  examples: ["tenantry api-key list"],
  run: async (context) =>
    withInstallation(context, { worker: false }, async ({ ctx }) => {
      const items = await listApiKeys(ctx);
      const { terminal, json } = context;
      if (json) terminal.json({ items });
      else if (items.length === 0) terminal.note("There is no API key yet.");
      else terminal.data(formatTable(COLUMNS, items));
      return EXIT.done;
    }),
});
