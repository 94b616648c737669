import { OPERATION_KINDS, OPERATION_STATES } from "@tenantry/schema";
import { listOperations, type Operation, printable } from "@tenantry/tenancy";
import { oneOf } from "../arguments/one-of.ts";
import { PAGE_OPTIONS, readPage } from "../arguments/page-options.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { printPage } from "../output/print-page.ts";
import type { Column } from "../output/table.ts";
import { withInstallation } from "../with-installation.ts";

const COLUMNS: readonly Column<Operation>[] = [
  { title: "OPERATION", cell: ({ id }) => id },
  { title: "KIND", cell: ({ kind }) => kind },
  { title: "STATE", cell: ({ state }) => state },
  { title: "DONE", cell: ({ progress }) => `${progress.percent}%`, align: "right" },
  { title: "LICENSE", cell: ({ licenseKey }) => printable(licenseKey ?? "") },
  { title: "CREATED", cell: ({ createdAt }) => createdAt.slice(0, 19).replace("T", " ") },
  { title: "SAYS", cell: ({ error, progress }) => printable(error?.code ?? progress.message) },
];

export const operationListCommand = defineCommand({
  description: "Lists operations, newest first. Times are UTC.",
  options: {
    kind: { type: "string", value: "KIND", help: `Only these: ${OPERATION_KINDS.join(", ")}` },
    state: { type: "string", value: "STATE", help: `Only these: ${OPERATION_STATES.join(", ")}` },
    license: { type: "string", value: "KEY", help: "Only those of this license" },
    parent: { type: "string", value: "ID", help: "Only the children of this run" },
    ...PAGE_OPTIONS,
  },
  examples: ["tenantry operation list --state failed"],
  run: async (context, values) => {
    const page = readPage(values);
    const kind = oneOf("kind", values.kind, OPERATION_KINDS);
    const state = oneOf("state", values.state, OPERATION_STATES);
    const filter = {
      ...(kind === undefined ? {} : { kind }),
      ...(state === undefined ? {} : { state }),
      ...(values.license === undefined ? {} : { licenseKey: values.license }),
      ...(values.parent === undefined ? {} : { parentId: values.parent }),
    };
    return withInstallation(context, { worker: false }, async ({ ctx }) => {
      printPage(context, COLUMNS, await listOperations(ctx, filter, page), "No operation fits.");
      return EXIT.done;
    });
  },
});
