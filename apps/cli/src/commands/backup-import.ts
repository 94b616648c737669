import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { importBackup } from "@tenantry/tenancy";
import { cliCaller } from "../actor.ts";
import { WrongUse } from "../arguments/wrong-use.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { backupPairs } from "../output/backup-text.ts";
import { formatPairs } from "../output/table.ts";
import { withInstallation } from "../with-installation.ts";

export const backupImportCommand = defineCommand({
  description: "Takes in an archive that was exported, from this installation or another.",
  positionals: [{ name: "FILE", required: true }],
  options: {},
  details: [
    "It is checked whole before it is kept. It must be signed by this installation's BACKUP_KEY: set the one that the",
    "other installation has. FILE is the archive as `tenantry backup export` wrote it; - is stdin.",
  ],
  examples: ["tenantry backup import acme.tar"],
  run: async (context, _values, [path = ""]) => {
    // Before a server is started for it.
    const archive = await openInput(path);
    return withInstallation(context, { worker: false }, async ({ ctx }) => {
      const backup = await importBackup(ctx, archive, cliCaller());
      if (context.json) context.terminal.json(backup);
      else context.terminal.data(formatPairs(backupPairs(backup)));
      return EXIT.done;
    }).finally(() => archive.destroy());
  },
});

async function openInput(path: string): Promise<Readable> {
  if (path === "-") return process.stdin;
  let trouble: string;
  try {
    const file = await open(path);
    if (!(await file.stat()).isDirectory()) return file.createReadStream();
    await file.close();
    trouble = "EISDIR";
  } catch (error) {
    trouble = String(Reflect.get(Object(error), "code"));
  }
  throw new WrongUse(`${path} can't be read (${trouble}).`, "Give the path of a file, or - for stdin.");
}
