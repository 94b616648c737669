import { announceChildren } from "@tenantry/jobs";
import { createLicenses, MAX_LICENSES } from "@tenantry/tenancy";
import { cliCaller } from "../actor.ts";
import { WrongUse } from "../arguments/wrong-use.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { workUntilEnded } from "../follow-operation.ts";
import { parseJsonItems, readInputFile } from "../input-file.ts";
import { concludeRun } from "../output/conclude-run.ts";
import { count } from "../output/license-text.ts";
import { PACE_OPTION, readPace } from "../pace-option.ts";
import { withInstallation } from "../with-installation.ts";

export const licenseCreateManyCommand = defineCommand({
  description: "Creates the licenses of a file and their tenants, and waits until they are ready.",
  positionals: [{ name: "FILE", required: true }],
  options: {
    pace: PACE_OPTION,
    "no-wait": { type: "boolean", help: "Return when they are accepted, before the tenants are made" },
  },
  details: [
    `FILE has up to ${MAX_LICENSES} requests as for POST /v1/licenses: a JSON array, or one a line (JSON Lines); - is stdin.`,
    "It holds the administrators' passwords: keep it to yourself, and remove it afterwards.",
    "One that is wrong holds up no other. Exits with 0 when all are done, 1 when none is, 3 when some are.",
  ],
  examples: [
    "tenantry license create-many customers.jsonl",
    "jq -c '.[]' all.json | tenantry license create-many -",
  ],
  run: async (context, values, [path = ""]) => {
    const pace = readPace(values.pace);
    const items = parseJsonItems(await readInputFile(path));
    if (items.length === 0 || items.length > MAX_LICENSES) {
      throw new WrongUse(
        `The file has ${count(items.length, "request", "requests")}; from 1 to ${MAX_LICENSES} can be taken.`,
        `Split it: split -l ${MAX_LICENSES} FILE`,
      );
    }
    const wait = values["no-wait"] !== true;
    return withInstallation(context, { worker: wait }, async (installation) => {
      const { ctx, queues } = installation;
      context.terminal.status(
        `Accepting ${count(items.length, "license", "licenses")}, hashing their passwords`,
      );
      const { operation } = (await createLicenses(ctx, { items, pace }, cliCaller())).answer;
      context.terminal.status(`Run ${operation.id} is accepted`);
      await announceChildren(ctx, queues, operation.id);
      if (wait) return concludeRun(context, ctx, await workUntilEnded(context, installation, operation.id));
      await concludeRun(context, ctx, operation);
      return EXIT.done;
    });
  },
});
