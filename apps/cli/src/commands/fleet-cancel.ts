import { withdraw } from "@tenantry/jobs";
import { cancelOperation, fleetFigures, isFinished } from "@tenantry/tenancy";
import { cliCaller } from "../actor.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { concludeFleet } from "../fleet/fleet-text.ts";
import { withInstallation } from "../with-installation.ts";

export const fleetCancelCommand = defineCommand({
  description: "Ends a fleet migration where it is: upgraded tenants stay upgraded, the others as they are.",
  positionals: [{ name: "RUN", required: true }],
  options: {},
  details: ["It can be done after all: `tenantry operation retry`."],
  examples: ["tenantry fleet cancel 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44"],
  run: async (context, _values, [id = ""]) =>
    withInstallation(context, { worker: false }, async ({ ctx, queues }) => {
      // First: it knows whether the operation is a fleet migration at all.
      await fleetFigures(ctx, id);
      const { operation } = await cancelOperation(ctx, id, cliCaller());
      if (isFinished(operation.state)) await withdraw(ctx, queues, operation);
      await concludeFleet(context, ctx, operation, await fleetFigures(ctx, id));
      return EXIT.done;
    }),
});
