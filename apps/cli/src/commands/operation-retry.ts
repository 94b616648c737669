import { announceAgain } from "@tenantry/jobs";
import { retryOperation } from "@tenantry/tenancy";
import { cliCaller } from "../actor.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { workUntilEnded } from "../follow-operation.ts";
import { concludeOperation } from "../output/conclude-operation.ts";
import { operationPairs } from "../output/license-text.ts";
import { formatPairs } from "../output/table.ts";
import { withInstallation } from "../with-installation.ts";

export const operationRetryCommand = defineCommand({
  description:
    "Does a failed or canceled operation again, and waits for its end; of a run, its failed and canceled children.",
  positionals: [{ name: "ID", required: true }],
  options: { "no-wait": { type: "boolean", help: "Return when it is put back, before it is done" } },
  examples: ["tenantry operation retry 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44"],
  run: async (context, values, [id = ""]) => {
    const wait = values["no-wait"] !== true;
    return withInstallation(context, { worker: wait }, async (installation) => {
      const { ctx, queues } = installation;
      const { operation } = await retryOperation(ctx, id, cliCaller());
      await announceAgain(ctx, queues, id);
      if (wait) return concludeOperation(context, ctx, await workUntilEnded(context, installation, id));
      if (context.json) context.terminal.json(operation);
      else context.terminal.data(formatPairs(operationPairs(operation)));
      return EXIT.done;
    });
  },
});
