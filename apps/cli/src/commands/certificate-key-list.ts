import { type CertificateKey, listCertificateKeys } from "@tenantry/tenancy";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { type Column, formatTable } from "../output/table.ts";
import { withInstallation } from "../with-installation.ts";

const minute = (time: string | null, otherwise: string) => time?.slice(0, 16).replace("T", " ") ?? otherwise;

const COLUMNS: readonly Column<CertificateKey>[] = [
  { title: "ID", cell: ({ id }) => id },
  {
    title: "STATE",
    cell: ({ retiredAt, published }) => (retiredAt === null ? "signs" : published ? "verifies" : "ended"),
  },
  { title: "MADE", cell: ({ createdAt }) => minute(createdAt, "") },
  {
    title: "LAST CERTIFICATE ENDS",
    cell: ({ lastCertificateEndsAt }) => minute(lastCertificateEndsAt, "none signed"),
  },
];

export const certificateKeyListCommand = defineCommand({
  description: "Lists the keys that license files are signed with, newest first.",
  options: {},
  details: [
    "signs: the one in use. verifies: replaced, with certificates that haven't ended. ended: of no use.",
  ],
  examples: ["tenantry certificate-key list"],
  run: async (context) =>
    withInstallation(context, { worker: false }, async ({ ctx }) => {
      const items = await listCertificateKeys(ctx);
      const { terminal, json } = context;
      if (json) terminal.json({ items });
      else if (items.length === 0) terminal.note("There is no key yet; the first certificate makes one.");
      else terminal.data(formatTable(COLUMNS, items));
      return EXIT.done;
    }),
});
