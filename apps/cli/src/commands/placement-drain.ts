import { drainPlacement } from "@tenantry/tenancy";
import { cliCaller } from "../actor.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { PLACEMENT_COLUMNS } from "../output/placement-text.ts";
import { formatTable } from "../output/table.ts";
import { withInstallation } from "../with-installation.ts";

export const placementDrainCommand = defineCommand({
  description: "Puts no new tenants on a server; those that are there stay until they are moved.",
  positionals: [{ name: "NAME", required: true }],
  options: { undo: { type: "boolean", help: "Let it take new tenants again" } },
  examples: ["tenantry placement drain eu-1", "tenantry placement drain eu-1 --undo"],
  run: async (context, values, [name = ""]) =>
    withInstallation(context, { worker: false }, async ({ ctx }) => {
      const placement = await drainPlacement(ctx, name, values.undo !== true, cliCaller().actor);
      if (context.json) context.terminal.json(placement);
      else context.terminal.data(formatTable(PLACEMENT_COLUMNS, [placement]));
      return EXIT.done;
    }),
});
