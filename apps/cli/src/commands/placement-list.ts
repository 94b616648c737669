import { listPlacements } from "@tenantry/tenancy";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { PLACEMENT_COLUMNS } from "../output/placement-text.ts";
import { formatTable } from "../output/table.ts";
import { withInstallation } from "../with-installation.ts";

export const placementListCommand = defineCommand({
  description: "Lists the PostgreSQL servers that tenants live on.",
  options: {},
  examples: ["tenantry placement list"],
  run: async (context) =>
    withInstallation(context, { worker: false }, async ({ ctx }) => {
      const placements = await listPlacements(ctx);
      if (context.json) context.terminal.json({ items: placements });
      else context.terminal.data(formatTable(PLACEMENT_COLUMNS, placements));
      return EXIT.done;
    }),
});
