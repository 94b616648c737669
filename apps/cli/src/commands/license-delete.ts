import type { Installation } from "@tenantry/installation";
import { announceAgain, announceNew, eraseLicenseAndJobs } from "@tenantry/jobs";
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
import { WrongUse } from "../arguments/wrong-use.ts";
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
    erase: { type: "boolean", help: "Also all its backups, and what is known of the client" },
    "no-wait": { type: "boolean", help: "Return when it is accepted, before the tenant is gone" },
  },
  details: [
    "The license can't be used from then on; its record stays. Nothing is dropped before the backup is whole.",
    "The backup lies where BACKUP_URL points, among the others.",
    "--erase destroys its backups' keys, the last one's too: nothing of it can come back. Also for a tenant that was deleted before.",
    "Exits with 0 when it is deleted, 1 when it failed or was called off, 3 when it is accepted and not finished.",
  ],
  examples: [
    "tenantry license delete 7QKD-M3ZT-0V5H-XA2P",
    "tenantry license delete 7QKD-M3ZT-0V5H-XA2P --yes --json",
  ],
  run: async (context, values, [key = ""]) => {
    const wait = values["no-wait"] !== true;
    const erase = values.erase === true;
    if (erase && !wait) {
      throw new WrongUse("What is not deleted yet can't be erased.", "Leave --no-wait away.");
    }
    return withInstallation(context, { worker: wait }, async (installation) => {
      const { ctx, queues } = installation;
      const { license, tenant } = await getLicense(ctx, key);
      if (values.yes !== true) await confirm(context, license, tenant, erase);
      if (erase && tenant.state === "deleted") return eraseDeleted(context, installation, license.key);
      const { operation, bell } = await deleteLicense(ctx, { licenseKey: license.key }, cliCaller());
      if (bell.kind === "new") await announceNew(ctx, queues, bell.entry);
      if (bell.kind === "again") await announceAgain(ctx, queues, operation.id);
      const end = wait ? await workUntilEnded(context, installation, operation.id) : operation;
      if (context.json) context.terminal.json(end);
      else context.terminal.data(formatPairs([...operationPairs(end), ...(erase ? [] : backupPairs(end))]));
      if (erase && end.state === "succeeded") {
        await eraseLicenseAndJobs(ctx, queues, { licenseKey: license.key }, cliCaller());
        context.terminal.note(ERASED);
      }
      return conclude(context, end, wait);
    });
  },
});

const ERASED = "Its backups are destroyed, and its client is forgotten.";

async function eraseDeleted(
  { terminal, json }: CommandContext,
  { ctx, queues }: Installation,
  licenseKey: string,
): Promise<ExitCode> {
  await eraseLicenseAndJobs(ctx, queues, { licenseKey }, cliCaller());
  if (json) terminal.json({ licenseKey, erased: true });
  else terminal.note(ERASED);
  return EXIT.done;
}

async function confirm(
  context: CommandContext,
  license: License,
  tenant: Tenant,
  erase: boolean,
): Promise<void> {
  const { terminal, shutdown } = context;
  const refuse = (hint: string): never => {
    throw new CliError("NOT_CONFIRMED", "Nothing was deleted.", hint);
  };
  if (!canAsk(terminal)) return refuse("Give --yes when there is nobody to ask.");
  terminal.note(
    `This deletes the tenant of ${printable(license.clientName)}, schema ${tenant.schema}, with all its data${erase ? ", and all its backups" : ""}.`,
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
