import { announceAgain } from "@tenantry/jobs";
import { fleetFigures, resumeFleet } from "@tenantry/tenancy";
import { cliCaller } from "../actor.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { amountOption } from "../fleet/amount-option.ts";
import { concludeFleet } from "../fleet/fleet-text.ts";
import { seeFleetThrough } from "../fleet/follow-fleet.ts";
import { withInstallation } from "../with-installation.ts";

export const fleetResumeCommand = defineCommand({
  description: "Has a paused fleet migration go on, and waits for its end.",
  positionals: [{ name: "RUN", required: true }],
  options: {
    "max-failures": { type: "string", value: "N|P%", help: "Another budget from here on" },
    "no-wait": { type: "boolean", help: "Return when it is put back, before it goes on" },
  },
  details: [
    "What has failed until now stays as it is, and doesn't count any more; `tenantry operation retry` does it again at the end.",
  ],
  examples: [
    "tenantry fleet resume 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44",
    "tenantry fleet resume 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44 --max-failures 2%",
  ],
  run: async (context, values, [id = ""]) => {
    const maxFailures = amountOption("max-failures", values["max-failures"]) ?? null;
    const wait = values["no-wait"] !== true;
    return withInstallation(context, { worker: wait ? "full" : false }, async (installation) => {
      const { ctx, queues } = installation;
      const { operation } = await resumeFleet(ctx, id, { maxFailures }, cliCaller());
      await announceAgain(ctx, queues, id);
      if (wait) return seeFleetThrough(context, installation, id);
      await concludeFleet(context, ctx, operation, await fleetFigures(ctx, id));
      return EXIT.done;
    });
  },
});
