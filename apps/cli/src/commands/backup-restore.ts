import {
  type Backup,
  getBackup,
  normalizeLicenseKey,
  orderRestore,
  parseRestore,
  printable,
  type RestoreInput,
  TenancyError,
} from "@tenantry/tenancy";
import { cliCaller } from "../actor.ts";
import { WrongUse } from "../arguments/wrong-use.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { concludeWork } from "../conclude-work.ts";
import { CliError } from "../output/describe-problem.ts";
import { askLine, canAsk } from "../prompt.ts";
import { withInstallation } from "../with-installation.ts";

export const backupRestoreCommand = defineCommand({
  description: "Brings a backup back: in place of the tenant's data as it is now, or as a new license.",
  positionals: [{ name: "ID", required: true }],
  options: {
    replace: { type: "boolean", help: "In place of the tenant's data as it is now" },
    copy: { type: "boolean", help: "As a new license beside the original" },
    license: { type: "string", value: "KEY", help: "The copy's license key; made when it isn't given" },
    yes: { type: "boolean", help: "Don't ask for the license key before replacing" },
    "no-wait": { type: "boolean", help: "Return when it is accepted, before it is done" },
  },
  details: [
    "It is loaded into a new schema and verified first: until then nothing that is in use changes.",
    "What is replaced is kept for RESTORE_KEEP: see `tenantry backup kept list`. The tenant's sessions are ended.",
    "A backup of an older version of the blueprint is brought up to the present one.",
  ],
  examples: [
    "tenantry backup restore 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44 --copy",
    "tenantry backup restore 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44 --replace --yes",
  ],
  run: async (context, values, [id = ""]) => {
    const input = readInput(values.replace === true, values.copy === true, values.license);
    const wait = values["no-wait"] !== true;
    return withInstallation(context, { worker: wait }, async (installation) => {
      const { ctx } = installation;
      if (input.mode === "replace" && values.yes !== true) await confirm(context, await getBackup(ctx, id));
      const accepted = await orderRestore(ctx, { id, ...input }, cliCaller());
      return concludeWork(context, installation, accepted, wait);
    });
  },
});

function readInput(replace: boolean, copy: boolean, licenseKey: string | undefined): RestoreInput {
  if (replace === copy) {
    throw new WrongUse("How to bring it back must be said.", "Give --replace or --copy, one of the two.");
  }
  try {
    return parseRestore({
      mode: replace ? "replace" : "copy",
      ...(licenseKey === undefined ? {} : { licenseKey }),
    });
  } catch (error) {
    if (!(error instanceof TenancyError)) throw error;
    const faults = error.faults.map(({ detail }) => `--license ${detail.replace("`copy`", "--copy")}`);
    throw new WrongUse(
      "It can't be brought back like that.",
      "See `tenantry backup restore --help`.",
      faults,
    );
  }
}

async function confirm({ terminal, shutdown }: CommandContext, backup: Backup): Promise<void> {
  const refuse = (hint: string): never => {
    throw new CliError("NOT_CONFIRMED", "Nothing was restored.", hint);
  };
  if (!canAsk(terminal)) return refuse("Give --yes when there is nobody to ask.");
  const key = backup.licenseKey ?? "";
  terminal.note(
    `This replaces all data of ${printable(key)} by that of ${backup.takenAt ?? "an unfinished backup"}.`,
  );
  const typed = await askLine(terminal, "Type the license key to go on:", shutdown.signal);
  if (normalizeLicenseKey(typed ?? "") !== key) refuse("What was typed is not the license key.");
}
