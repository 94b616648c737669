import { parseBackupUrl } from "@tenantry/installation";
import { printable, type RestoreAllReport, type RestoredTenant, restoreAll } from "@tenantry/tenancy";
import { WrongUse } from "../arguments/wrong-use.ts";
import { defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { type Column, formatTable } from "../output/table.ts";
import { withInstallation } from "../with-installation.ts";

const COLUMNS: readonly Column<RestoredTenant>[] = [
  { title: "LICENSE", cell: ({ licenseKey }) => printable(licenseKey) },
  { title: "AS OF", cell: ({ takenAt }) => takenAt ?? "" },
  { title: "ROWS", cell: ({ rows }) => rows?.toString() ?? "", align: "right" },
  { title: "LOST", cell: ({ trouble }) => printable(trouble ?? "") },
];

export const restoreAllCommand = defineCommand({
  description: "Rebuilds a whole installation out of its backups, in an empty database.",
  options: {
    from: { type: "string", value: "URL", help: "The store: file:///… or s3://bucket/prefix" },
  },
  details: [
    "The newest good backup of the control data, then each tenant's newest good one. BACKUP_KEY has to be the one that they",
    "were made with. Customers that were erased don't come back. Asked for again, it goes on where it was broken off.",
    "Exits with 0 when all are back, 1 when none is, 3 when some are; LOST says what is wrong with the others.",
  ],
  examples: ["tenantry restore-all --from s3://backups/tenantry"],
  run: async (context, values) => {
    const from = readStore(values.from);
    return withInstallation(context, { worker: false }, async ({ ctx }) => {
      const { terminal, shutdown } = context;
      const report = await restoreAll(ctx, {
        from,
        signal: shutdown.signal,
        onProgress: (message) => terminal.status(message),
      });
      if (context.json) terminal.json(report);
      else {
        terminal.data(formatTable(COLUMNS, report.tenants));
        terminal.note(`Licenses and history are as of ${report.controlTakenAt}.`);
      }
      return exitCode(report);
    });
  },
});

function readStore(url: string | undefined): string {
  const hint = "Give --from with what BACKUP_URL was: file:///… or s3://bucket/prefix.";
  if (url === undefined) throw new WrongUse("Where the backups are must be said.", hint);
  try {
    return parseBackupUrl(url);
  } catch (error) {
    throw new WrongUse(`--from ${error instanceof Error ? error.message : String(error)}.`, hint);
  }
}

function exitCode({ tenants }: RestoreAllReport): ExitCode {
  const lost = tenants.filter(({ trouble }) => trouble !== null).length;
  if (lost === 0) return EXIT.done;
  return lost === tenants.length ? EXIT.failed : EXIT.partlyDone;
}
