import { readBackupContent } from "@tenantry/tenancy";
import { oneOf } from "../arguments/one-of.ts";
import { WrongUse } from "../arguments/wrong-use.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { writeNewFile, writeToStdout } from "../output-file.ts";
import { withInstallation } from "../with-installation.ts";

const FORMATS = ["archive", "sql"] as const;

export const backupExportCommand = defineCommand({
  description: "Writes a backup to a file: the archive, or plain SQL that bare `psql` loads.",
  positionals: [{ name: "ID", required: true }],
  options: {
    format: { type: "string", value: "FORMAT", help: `One of ${FORMATS.join(", ")} (default archive)` },
    out: {
      type: "string",
      short: "o",
      value: "FILE",
      help: "Write to a new file, for your eyes only; else to stdout",
    },
  },
  details: [
    "An encrypted archive stays encrypted, and carries its key wrapped by BACKUP_KEY: another installation with the same",
    "BACKUP_KEY takes it in with `tenantry backup import`. docs/backup-format.md says how to take one apart by hand.",
    "SQL is readable by everybody who has the file. `psql -1 -v ON_ERROR_STOP=1 -f FILE` loads it into an empty database.",
    "What goes to stdout is of use only when the command exits with 0.",
  ],
  examples: [
    "tenantry backup export 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44 -o acme.tar",
    "tenantry backup export 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44 --format sql | psql -1 -v ON_ERROR_STOP=1 acme",
  ],
  run: async (context, values, [id = ""]) => {
    const format = oneOf("format", values.format, FORMATS) ?? "archive";
    const { terminal, json } = context;
    if (values.out === undefined && (json || (terminal.dataIsTty && format === "archive"))) {
      throw new WrongUse(
        json ? "JSON and the backup can't both go to stdout." : "An archive is nothing for a terminal.",
        "Give a file: -o FILE.",
      );
    }
    return withInstallation(context, { worker: false }, async ({ ctx }) => {
      const { stream, fileName, sha256 } = await readBackupContent(ctx, id, format);
      if (values.out === undefined) await writeToStdout(stream);
      else await writeNewFile(values.out, stream);
      if (json) terminal.json({ file: values.out, fileName, sha256 });
      else if (values.out !== undefined) terminal.note(`Written to ${values.out}.`);
      return EXIT.done;
    });
  },
});
