import { BACKUP_KINDS, BACKUP_STATES, listBackups, normalizeLicenseKey } from "@tenantry/tenancy";
import { oneOf } from "../arguments/one-of.ts";
import { PAGE_OPTIONS, readPage } from "../arguments/page-options.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { BACKUP_COLUMNS } from "../output/backup-text.ts";
import { printPage } from "../output/print-page.ts";
import { withInstallation } from "../with-installation.ts";

export const backupListCommand = defineCommand({
  description: "Lists backups, newest first. Times are UTC.",
  options: {
    license: { type: "string", value: "KEY", help: "Only those of this license" },
    kind: { type: "string", value: "KIND", help: `Only these: ${BACKUP_KINDS.join(", ")}` },
    state: { type: "string", value: "STATE", help: `Only these: ${BACKUP_STATES.join(", ")}` },
    ...PAGE_OPTIONS,
  },
  details: [
    "CHECKED is when its hashes were last found right; VERIFIED, when it was last restored into a scratch schema and found equal.",
  ],
  examples: ["tenantry backup list --license 7QKD-M3ZT-0V5H-XA2P --state ready"],
  run: async (context, values) => {
    const page = readPage(values);
    const kind = oneOf("kind", values.kind, BACKUP_KINDS);
    const state = oneOf("state", values.state, BACKUP_STATES);
    const filter = {
      ...(values.license === undefined ? {} : { licenseKey: normalizeLicenseKey(values.license) }),
      ...(kind === undefined ? {} : { kind }),
      ...(state === undefined ? {} : { state }),
    };
    return withInstallation(context, { worker: false }, async ({ ctx }) => {
      printPage(context, BACKUP_COLUMNS, await listBackups(ctx, filter, page), "No backup fits.");
      return EXIT.done;
    });
  },
});
