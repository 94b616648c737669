import { getOperation, listOperationEvents, type OperationEvent, printable } from "@tenantry/tenancy";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { failuresText } from "../output/conclude-run.ts";
import { operationPairs } from "../output/license-text.ts";
import { type Column, formatPairs, formatTable } from "../output/table.ts";
import { withInstallation } from "../with-installation.ts";

const COLUMNS: readonly Column<OperationEvent>[] = [
  { title: "AT", cell: ({ at }) => at },
  { title: "WHAT", cell: ({ type }) => type },
  { title: "WHO", cell: ({ actor }) => printable(actor) },
  { title: "DETAIL", cell: ({ data }) => printable(eventDetail(data)) },
];

export const operationShowCommand = defineCommand({
  description: "Shows an operation and what happened to it; of a run, its failed children too.",
  positionals: [{ name: "ID", required: true }],
  options: {},
  examples: ["tenantry operation show 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44"],
  run: async (context, _values, [id = ""]) =>
    withInstallation(context, { worker: false }, async ({ ctx }) => {
      const operation = await getOperation(ctx, id);
      const events = await listOperationEvents(ctx, id);
      const { terminal, json } = context;
      if (json) terminal.json({ operation, events });
      else {
        const history = formatTable(COLUMNS, events);
        const failures = await failuresText(ctx, operation);
        terminal.data(`${formatPairs(operationPairs(operation))}\n${history}${failures}`);
      }
      return EXIT.done;
    }),
});

/** An attempt's number, an error's code, what became of quarantined rows: what fits on a line. */
function eventDetail(data: object): string {
  const attempt: unknown = Reflect.get(data, "attempt");
  const error: unknown = Reflect.get(data, "error");
  const quarantine: unknown = Reflect.get(data, "quarantine");
  return [
    ...(attempt === undefined ? [] : [`attempt ${attempt}`]),
    ...(typeof error === "object" && error !== null ? [String(Reflect.get(error, "code"))] : []),
    ...(typeof quarantine === "object" && quarantine !== null
      ? [
          `rows in quarantine: ${Reflect.get(quarantine, "imported")} imported, ${Reflect.get(quarantine, "refused")} refused`,
        ]
      : []),
  ].join(", ");
}
