import { getOperation, isFinished } from "@tenantry/tenancy";
import { defineCommand } from "../command.ts";
import { workUntilEnded } from "../follow-operation.ts";
import { concludeOperation } from "../output/conclude-operation.ts";
import { withInstallation } from "../with-installation.ts";

export const operationWatchCommand = defineCommand({
  description: "Watches an operation to its end, and works on it in case nobody else does.",
  positionals: [{ name: "ID", required: true }],
  options: {},
  details: ["With --json each change is one line of JSON; the last is the operation as it ended."],
  examples: ["tenantry operation watch 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44"],
  run: async (context, _values, [id = ""]) =>
    withInstallation(context, { worker: true }, async (installation) => {
      const before = await getOperation(installation.ctx, id);
      if (isFinished(before.state))
        return concludeOperation(context, installation.ctx, before, { oneLine: true });
      const after = await workUntilEnded(context, installation, id, (operation) => {
        if (context.json && !isFinished(operation.state)) context.terminal.line(JSON.stringify(operation));
      });
      return concludeOperation(context, installation.ctx, after, { oneLine: true });
    }),
});
