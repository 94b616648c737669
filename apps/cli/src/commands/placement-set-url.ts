import { readdressPlacement } from "@tenantry/tenancy";
import { cliCaller } from "../actor.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { PLACEMENT_COLUMNS } from "../output/placement-text.ts";
import { formatTable } from "../output/table.ts";
import { readPlacementUrl } from "../placement-url.ts";
import { withInstallation } from "../with-installation.ts";

export const placementSetUrlCommand = defineCommand({
  description: "Tells where a PostgreSQL server is to be reached from now on.",
  positionals: [{ name: "NAME", required: true }],
  options: {
    "url-stdin": { type: "boolean", help: "Read the server's URL from stdin" },
    lost: { type: "boolean", help: "The old server is gone for good, and this one takes its place" },
  },
  details: [
    "For a new password or address of the same database; it is looked whether the tenants are there.",
    "With --lost they needn't be: those that aren't are listed, to be restored from their newest backups.",
    "Takes some seconds: until API and workers have taken it up.",
  ],
  examples: ["tenantry placement set-url eu-2 --url-stdin < url-of-eu-2"],
  run: async (context, values, [name = ""]) => {
    const url = await readPlacementUrl(context, values["url-stdin"] === true);
    return withInstallation(context, { worker: false }, async ({ ctx }) => {
      const done = await readdressPlacement(
        ctx,
        { name, url, lost: values.lost === true },
        cliCaller().actor,
      );
      const { terminal } = context;
      if (context.json) terminal.json(done);
      else {
        terminal.data(formatTable(PLACEMENT_COLUMNS, [done.placement]));
        for (const key of done.missing)
          terminal.note(`${key} isn't there: restore it from its newest backup.`);
      }
      return EXIT.done;
    });
  },
});
