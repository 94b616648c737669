import { withdraw } from "@tenantry/jobs";
import { cancelOperation, isFinished } from "@tenantry/tenancy";
import { cliCaller } from "../actor.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { operationPairs } from "../output/license-text.ts";
import { formatPairs } from "../output/table.ts";
import { withInstallation } from "../with-installation.ts";

export const operationCancelCommand = defineCommand({
  description: "Cancels an operation: at once while it waits, at its next safe point while it runs.",
  positionals: [{ name: "ID", required: true }],
  options: {},
  details: [
    "What has been committed stays. A canceled operation can be done after all: `tenantry operation retry`.",
  ],
  examples: ["tenantry operation cancel 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44"],
  run: async (context, _values, [id = ""]) =>
    withInstallation(context, { worker: false }, async ({ ctx, queues }) => {
      const { operation } = await cancelOperation(ctx, id, cliCaller());
      if (isFinished(operation.state)) await withdraw(ctx, queues, operation);
      if (context.json) context.terminal.json(operation);
      else context.terminal.data(formatPairs(operationPairs(operation)));
      return EXIT.done;
    }),
});
