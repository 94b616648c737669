import { announceAgain, announceNew } from "@tenantry/jobs";
import {
  deleteLicense,
  getLicense,
  isFinished,
  type License,
  normalizeLicenseKey,
  type Operation,
  printable,
  type Tenant,
} from "@tenantry/tenancy";
import { cliCaller } from "../actor.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { workUntilEnded } from "../follow-operation.ts";
import { CliError } from "../output/describe-problem.ts";
import { backupPairs, operationPairs } from "../output/license-text.ts";
import { formatPairs } from "../output/table.ts";
import { askLine, canAsk } from "../prompt.ts";
import { withInstallation } from "../with-installation.ts";

export const licenseDeleteCommand = defineCommand({
  description: "Deletes a license's tenant: writes its last backup, then drops its schema and role.",
  positionals: [{ name: "KEY", required: true }],
  options: {
    yes: { type: "boolean", help: "Don't ask for the key again" },
    "no-wait": { type: "boolean", help: "Return when it is accepted, before the tenant is gone" },
  },
  details: [
    "The license can't be used from then on; its record stays. Nothing is dropped before the backup is whole.",
    "The backup lies in the folder of BACKUP_URL, on the machine of the worker that did the work: this one, or",
    "that of a running `tenantry up` or worker.",
    "Exits with 0 when it is deleted, 1 when it failed or was called off, 3 when it is accepted and not finished.",
  ],
  examples: [
    "tenantry license delete 7QKD-M3ZT-0V5H-XA2P",
    "tenantry license delete 7QKD-M3ZT-0V5H-XA2P --yes --json",
  ],
  run: async (context, values, [key = ""]) => {
    const wait = values["no-wait"] !== true;
    return withInstallation(context, { worker: wait }, async (installation) => {
      const { ctx, queues } = installation;
      const { license, tenant } = await getLicense(ctx, key);
      if (values.yes !== true) await confirm(context, license, tenant);
      const { operation, bell } = await deleteLicense(ctx, { licenseKey: license.key }, cliCaller());
      if (bell.kind === "new") await announceNew(ctx, queues, bell.entry);
      if (bell.kind === "again") await announceAgain(ctx, queues, operation.id);
      const end = wait ? await workUntilEnded(context, installation, operation.id) : operation;
      if (context.json) context.terminal.json(end);
      else context.terminal.data(formatPairs([...operationPairs(end), ...backupPairs(end)]));
      return conclude(context, end, wait);
    });
  },
});

async function confirm(context: CommandContext, license: License, tenant: Tenant): Promise<void> {
  const { terminal, shutdown } = context;
  const refuse = (hint: string): never => {
    throw new CliError("NOT_CONFIRMED", "Nothing was deleted.", hint);
  };
  if (!canAsk(terminal)) return refuse("Give --yes when there is nobody to ask.");
  terminal.note(
    `This deletes the tenant of ${printable(license.clientName)}, schema ${tenant.schema}, with all its data.`,
  );
  const typed = await askLine(terminal, "Type the license key again to go on:", shutdown.signal);
  if (normalizeLicenseKey(typed ?? "") !== license.key) refuse("What was typed is not the license key.");
}

function conclude({ terminal }: CommandContext, operation: Operation, waited: boolean): ExitCode {
  if (operation.state === "succeeded") return EXIT.done;
  if (isFinished(operation.state)) return EXIT.failed;
  terminal.note(
    `Accepted, not finished. \`tenantry operation watch ${operation.id}\` goes on with it; so does a running \`tenantry up\`.`,
  );
  return waited ? EXIT.partlyDone : EXIT.done;
}
