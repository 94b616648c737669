import { addPlacement } from "@tenantry/tenancy";
import { cliCaller } from "../actor.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { PLACEMENT_COLUMNS } from "../output/placement-text.ts";
import { formatTable } from "../output/table.ts";
import { readPlacementUrl } from "../placement-url.ts";
import { withInstallation } from "../with-installation.ts";

export const placementAddCommand = defineCommand({
  description: "Adds a PostgreSQL server that tenants can live on.",
  positionals: [{ name: "NAME", required: true }],
  options: {
    "url-stdin": { type: "boolean", help: "Read the server's URL from stdin" },
  },
  details: [
    "The URL holds a password, so it is no argument: it is asked for, or taken from TENANTRY_PLACEMENT_URL or stdin.",
    "It is kept encrypted, and never shown. The login needs what that of DATABASE_URL needs: see docs/configuration.md.",
  ],
  examples: ["tenantry placement add eu-2 --url-stdin < url-of-eu-2"],
  run: async (context, values, [name = ""]) => {
    const url = await readPlacementUrl(context, values["url-stdin"] === true);
    return withInstallation(context, { worker: false }, async ({ ctx }) => {
      const placement = await addPlacement(ctx, { name, url }, cliCaller().actor);
      if (context.json) context.terminal.json(placement);
      else context.terminal.data(formatTable(PLACEMENT_COLUMNS, [placement]));
      return EXIT.done;
    });
  },
});
