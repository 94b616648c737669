import { QUARANTINE_STATES } from "@tenantry/schema";
import { legacyValueText, listQuarantine, printable, type QuarantineEntry } from "@tenantry/tenancy";
import { oneOf } from "../arguments/one-of.ts";
import { PAGE_OPTIONS, readPage } from "../arguments/page-options.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { QUARANTINE_OPTIONS, readQuarantineFilter } from "../legacy/quarantine-options.ts";
import { printPage } from "../output/print-page.ts";
import type { Column } from "../output/table.ts";
import { withInstallation } from "../with-installation.ts";

const COLUMNS: readonly Column<QuarantineEntry>[] = [
  { title: "ID", cell: ({ id }) => id, align: "right" },
  { title: "LICENSE", cell: ({ licenseKey, license }) => printable(licenseKey ?? license) },
  { title: "TABLE", cell: ({ table }) => printable(table) },
  { title: "ROW", cell: ({ rowId }) => printable(rowId), align: "right" },
  { title: "COLUMN", cell: ({ column }) => printable(column) },
  { title: "VALUE", cell: ({ value }) => printable(legacyValueText(value)) },
  { title: "CODE", cell: ({ code }) => code },
  { title: "REASON", cell: ({ reason }) => printable(reason) },
];

export const migrateLegacyQuarantineShowCommand = defineCommand({
  description: "Lists the rows that a legacy migration could not import, with the reasons.",
  positionals: [{ name: "RUN", required: true }],
  options: {
    ...QUARANTINE_OPTIONS,
    state: { type: "string", value: "STATE", help: `${QUARANTINE_STATES.join(", ")} (default open)` },
    ...PAGE_OPTIONS,
  },
  details: [
    "With --json each row comes whole, as it is in the source; columns that hold secrets are left out.",
  ],
  examples: ["tenantry migrate-legacy quarantine show 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44 --table products"],
  run: async (context, values, [id = ""]) => {
    const page = readPage(values);
    const state = oneOf("state", values.state, QUARANTINE_STATES) ?? "open";
    const filter = { ...readQuarantineFilter(values), state };
    return withInstallation(context, { worker: false }, async ({ ctx }) => {
      printPage(context, COLUMNS, await listQuarantine(ctx, id, filter, page), "No row fits.");
      return EXIT.done;
    });
  },
});
