import { checkBackup, orderVerify } from "@tenantry/tenancy";
import { cliCaller } from "../actor.ts";
import { WrongUse } from "../arguments/wrong-use.ts";
import { defineCommand } from "../command.ts";
import { concludeWork } from "../conclude-work.ts";
import { EXIT } from "../exit-code.ts";
import { backupPairs } from "../output/backup-text.ts";
import { formatPairs } from "../output/table.ts";
import { withInstallation } from "../with-installation.ts";

export const backupVerifyCommand = defineCommand({
  description: "Proves that a backup can come back: restores it into a scratch schema and compares.",
  positionals: [{ name: "ID", required: true }],
  options: {
    quick: { type: "boolean", help: "Only hashes, signature and encryption; restores nothing" },
    "no-wait": { type: "boolean", help: "Return when it is accepted, before it is done" },
  },
  details: [
    "Rows, checksums, constraints and sequences are compared; the scratch schema is never seen by anybody, and dropped.",
    "Exits with 0 when it is good, 1 when it isn't.",
  ],
  examples: [
    "tenantry backup verify 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44",
    "tenantry backup verify 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44 --quick",
  ],
  run: async (context, values, [id = ""]) => {
    const quick = values.quick === true;
    if (quick && values["no-wait"] === true) {
      throw new WrongUse("--quick is done at once.", "Leave --no-wait away.");
    }
    const wait = values["no-wait"] !== true;
    return withInstallation(context, { worker: wait && !quick }, async (installation) => {
      const { ctx } = installation;
      if (!quick) {
        return concludeWork(context, installation, await orderVerify(ctx, { id }, cliCaller()), wait);
      }
      const backup = await checkBackup(ctx, id);
      if (context.json) context.terminal.json(backup);
      else context.terminal.data(formatPairs(backupPairs(backup)));
      return EXIT.done;
    });
  },
});
