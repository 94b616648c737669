import { LICENSE_STATUSES, type License, listLicenses, printable } from "@tenantry/tenancy";
import { oneOf } from "../arguments/one-of.ts";
import { PAGE_OPTIONS, readPage } from "../arguments/page-options.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { printPage } from "../output/print-page.ts";
import type { Column } from "../output/table.ts";
import { withInstallation } from "../with-installation.ts";

const COLUMNS: readonly Column<License>[] = [
  { title: "LICENSE", cell: ({ key }) => printable(key) },
  { title: "STATUS", cell: ({ status }) => status },
  { title: "TYPE", cell: ({ licenseType }) => licenseType },
  { title: "BLUEPRINT", cell: ({ blueprint }) => blueprint },
  { title: "EXPIRES", cell: ({ expiresAt }) => expiresAt?.slice(0, 10) ?? "never" },
  { title: "CLIENT", cell: ({ clientName }) => printable(clientName) },
];

export const licenseListCommand = defineCommand({
  description: "Lists licenses, newest first.",
  options: {
    status: { type: "string", value: "STATUS", help: `Only these: ${LICENSE_STATUSES.join(", ")}` },
    blueprint: { type: "string", value: "NAME", help: "Only those of this blueprint" },
    q: { type: "string", value: "TEXT", help: "Part of a key, client, company or e-mail address" },
    ...PAGE_OPTIONS,
  },
  examples: ["tenantry license list --status active --q acme"],
  run: async (context, values) => {
    const page = readPage(values);
    const status = oneOf("status", values.status, LICENSE_STATUSES);
    const filter = {
      ...(status === undefined ? {} : { status }),
      ...(values.blueprint === undefined ? {} : { blueprint: values.blueprint }),
      ...(values.q === undefined ? {} : { q: values.q }),
    };
    return withInstallation(context, { worker: false }, async ({ ctx }) => {
      printPage(context, COLUMNS, await listLicenses(ctx, filter, page), "No license fits.");
      return EXIT.done;
    });
  },
});
