import { fleetFigures, pauseFleet } from "@tenantry/tenancy";
import { cliCaller } from "../actor.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { concludeFleet } from "../fleet/fleet-text.ts";
import { withInstallation } from "../with-installation.ts";

export const fleetPauseCommand = defineCommand({
  description: "Has a fleet migration begin with no more tenants; those under way end first.",
  positionals: [{ name: "RUN", required: true }],
  options: {},
  examples: ["tenantry fleet pause 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44"],
  run: async (context, _values, [id = ""]) =>
    withInstallation(context, { worker: false }, async ({ ctx }) => {
      const { operation } = await pauseFleet(ctx, id, cliCaller());
      await concludeFleet(context, ctx, operation, await fleetFigures(ctx, id));
      return EXIT.done;
    }),
});
