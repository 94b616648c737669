import { announceChildren } from "@tenantry/jobs";
import { getBackup, orderBackup, orderBackups, parseOrderBackups, TenancyError } from "@tenantry/tenancy";
import { cliCaller } from "../actor.ts";
import { WrongUse } from "../arguments/wrong-use.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { finishWork } from "../conclude-work.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { workUntilEnded } from "../follow-operation.ts";
import type { LocalInstallation } from "../local-installation.ts";
import { backupPairs } from "../output/backup-text.ts";
import { concludeOperation } from "../output/conclude-operation.ts";
import { concludeRun } from "../output/conclude-run.ts";
import { formatPairs } from "../output/table.ts";
import { withInstallation } from "../with-installation.ts";

export const backupCreateCommand = defineCommand({
  description: "Backs up one tenant, some, or everything, while they are in use.",
  positionals: [{ name: "KEY", required: false, repeated: true }],
  options: {
    all: { type: "boolean", help: "Every tenant, and the control data" },
    "no-wait": { type: "boolean", help: "Return when it is accepted, before it is done" },
  },
  details: [
    "All rows of a tenant are of one moment. A backup is listed when it is whole.",
    "Only --all backs up the control data, which `tenantry restore-all` needs.",
    "Exits with 0 when all are made, 1 when none is, 3 when some are.",
  ],
  examples: ["tenantry backup create 7QKD-M3ZT-0V5H-XA2P", "tenantry backup create --all --no-wait"],
  run: async (context, values, keys) => {
    const licenseKeys = readSelection(keys, values.all === true);
    const wait = values["no-wait"] !== true;
    const worker = wait && (licenseKeys?.length === 1 ? true : "full");
    return withInstallation(context, { worker }, async (installation) => {
      const [only, ...others] = licenseKeys ?? [];
      return only !== undefined && others.length === 0
        ? createOne(context, installation, only, wait)
        : createMany(context, installation, licenseKeys, wait);
    });
  },
});

async function createOne(
  context: CommandContext,
  installation: LocalInstallation,
  licenseKey: string,
  wait: boolean,
): Promise<ExitCode> {
  const { ctx } = installation;
  const accepted = await orderBackup(ctx, { licenseKey }, cliCaller());
  const operation = await finishWork(context, installation, accepted, wait);
  if (operation.state !== "succeeded") {
    const exit = await concludeOperation(context, ctx, operation);
    return wait ? exit : EXIT.done;
  }
  const backup = await getBackup(ctx, accepted.answer.backup.id);
  if (context.json) context.terminal.json({ operation, backup });
  else context.terminal.data(formatPairs(backupPairs(backup)));
  return EXIT.done;
}

async function createMany(
  context: CommandContext,
  installation: LocalInstallation,
  licenseKeys: string[] | null,
  wait: boolean,
): Promise<ExitCode> {
  const { ctx, queues } = installation;
  const { operation } = (await orderBackups(ctx, { licenseKeys }, cliCaller())).answer;
  await announceChildren(ctx, queues, operation.id);
  if (wait) return concludeRun(context, ctx, await workUntilEnded(context, installation, operation.id));
  await concludeRun(context, ctx, operation);
  return EXIT.done;
}

/** The licenses' keys; null for everything. */
function readSelection(keys: readonly string[], all: boolean): string[] | null {
  if (all === keys.length > 0) {
    throw new WrongUse(
      all ? "--all excludes KEY: everything is more than one." : "Nothing was named to back up.",
      "Name licenses, or give --all.",
    );
  }
  if (all) return null;
  try {
    return parseOrderBackups({ licenseKeys: [...keys] }).licenseKeys;
  } catch (error) {
    if (!(error instanceof TenancyError)) throw error;
    const faults = error.faults.map(({ pointer, detail }) => {
      const said = detail.replace(/\/licenseKeys\/(\d+)/, (_, index: string) => `key ${Number(index) + 1}`);
      const place = Number(pointer.split("/")[2]);
      return Number.isNaN(place) ? `the keys: ${said}` : `key ${place + 1} ${said}`;
    });
    throw new WrongUse("These can't be backed up together.", "Name each license once.", faults);
  }
}
