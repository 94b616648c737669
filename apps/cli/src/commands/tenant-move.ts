import { orderMove } from "@tenantry/tenancy";
import { cliCaller } from "../actor.ts";
import { WrongUse } from "../arguments/wrong-use.ts";
import { defineCommand } from "../command.ts";
import { concludeWork } from "../conclude-work.ts";
import { withInstallation } from "../with-installation.ts";

export const tenantMoveCommand = defineCommand({
  description: "Moves a license's tenant to another PostgreSQL server.",
  positionals: [{ name: "KEY", required: true }],
  options: {
    to: { type: "string", value: "PLACEMENT", help: "Where it is to live: see `tenantry placement list`" },
    "no-wait": { type: "boolean", help: "Return when it is accepted, before it is done" },
  },
  details: [
    "While it is copied it can be read and not written. It is switched over when the copy was verified.",
    "A move that fails leaves the tenant where it was. What it leaves on the old server stays there until",
    "`tenantry tenant confirm-move KEY`.",
  ],
  examples: ["tenantry tenant move 7QKD-M3ZT-0V5H-XA2P --to eu-2"],
  run: async (context, values, [licenseKey = ""]) => {
    const { to } = values;
    if (to === undefined) {
      throw new WrongUse("Where it is to live must be said.", "Give --to PLACEMENT.");
    }
    const wait = values["no-wait"] !== true;
    return withInstallation(context, { worker: wait }, async (installation) => {
      const accepted = await orderMove(installation.ctx, { licenseKey, to }, cliCaller());
      return concludeWork(context, installation, accepted, wait);
    });
  },
});
