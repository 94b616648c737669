import { getBackup } from "@tenantry/tenancy";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { backupPairs } from "../output/backup-text.ts";
import { formatPairs } from "../output/table.ts";
import { withInstallation } from "../with-installation.ts";

export const backupShowCommand = defineCommand({
  description: "Shows a backup: what it holds, and when it was last found good.",
  positionals: [{ name: "ID", required: true }],
  options: {},
  examples: ["tenantry backup show 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44"],
  run: async (context, _values, [id = ""]) =>
    withInstallation(context, { worker: false }, async ({ ctx }) => {
      const backup = await getBackup(ctx, id);
      if (context.json) context.terminal.json(backup);
      else context.terminal.data(formatPairs(backupPairs(backup)));
      return EXIT.done;
    }),
});
