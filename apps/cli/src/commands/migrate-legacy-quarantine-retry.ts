import {
  printable,
  type RetryQuarantineInput,
  type RetryQuarantineOutcome,
  retryQuarantineOnce,
  type TenancyContext,
} from "@tenantry/tenancy";
import { cliCaller } from "../actor.ts";
import { WrongUse } from "../arguments/wrong-use.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { readCorrectedRows } from "../legacy/corrected-rows.ts";
import { QUARANTINE_OPTIONS, readQuarantineFilter } from "../legacy/quarantine-options.ts";
import { count } from "../output/license-text.ts";
import { type Column, formatTable } from "../output/table.ts";
import { withInstallation } from "../with-installation.ts";

type Refused = RetryQuarantineOutcome["refused"][number];

const COLUMNS: readonly Column<Refused>[] = [
  { title: "ID", cell: ({ id }) => id, align: "right" },
  { title: "COLUMN", cell: ({ column }) => printable(column) },
  { title: "CODE", cell: ({ code }) => code },
  { title: "REASON", cell: ({ reason }) => printable(reason) },
];

export const migrateLegacyQuarantineRetryCommand = defineCommand({
  description: "Imports rows out of quarantine: those of a corrected file, or all that wait, as they are.",
  positionals: [
    { name: "RUN", required: true },
    { name: "FILE", required: false },
  ],
  options: QUARANTINE_OPTIONS,
  details: [
    "FILE is what `tenantry migrate-legacy quarantine export` wrote, with its rows corrected; - is stdin.",
    "Without FILE rows are tried as they are: for those that waited for others which are there by now.",
    "Exits with 0 when all are imported, 1 when none is, 3 when some are.",
  ],
  examples: [
    "tenantry migrate-legacy quarantine retry 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44 rows.jsonl",
    "tenantry migrate-legacy quarantine retry 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44 --table sales_invoice_items",
  ],
  run: async (context, values, [id = "", file]) => {
    const filter = readQuarantineFilter(values);
    if (file !== undefined && Object.keys(filter).length > 0) {
      throw new WrongUse("FILE says which rows.", "Leave --license and --table out, or FILE.");
    }
    const inputs = file === undefined ? [filter] : (await readCorrectedRows(file)).map((rows) => ({ rows }));
    return withInstallation(context, { worker: false }, async ({ ctx }) =>
      conclude(context, await retryAll(ctx, id, inputs)),
    );
  },
});

async function retryAll(
  ctx: TenancyContext,
  runId: string,
  inputs: readonly RetryQuarantineInput[],
): Promise<RetryQuarantineOutcome> {
  const refused: Refused[] = [];
  let imported = 0;
  for (const input of inputs) {
    const { outcome } = await retryQuarantineOnce(ctx, runId, input, cliCaller());
    imported += outcome.imported;
    refused.push(...outcome.refused);
  }
  return { imported, refused };
}

function conclude({ terminal, json }: CommandContext, outcome: RetryQuarantineOutcome): ExitCode {
  const { imported, refused } = outcome;
  if (json) {
    terminal.json(outcome);
  } else {
    terminal.line(`${count(imported, "row", "rows")} imported, ${refused.length} still in quarantine.`);
    if (refused.length > 0) terminal.data(formatTable(COLUMNS, refused));
  }
  if (refused.length === 0) return EXIT.done;
  return imported === 0 ? EXIT.failed : EXIT.partlyDone;
}
