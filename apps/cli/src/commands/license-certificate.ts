import { issueCertificate, printable } from "@tenantry/tenancy";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { withInstallation } from "../with-installation.ts";

export const licenseCertificateCommand = defineCommand({
  description:
    "Prints a signed license file, with which an application without a connection checks its license.",
  positionals: [{ name: "KEY", required: true }],
  options: {},
  details: [
    "It is valid for 30 days or until the license ends, and can't be taken back.",
    "`tenantry certificate-key export` prints the public keys that it is verified with.",
  ],
  examples: ["tenantry license certificate 7QKD-M3ZT-0V5H-XA2P > license.json"],
  run: async (context, _values, [key = ""]) =>
    withInstallation(context, { worker: false }, async ({ ctx }) => {
      const { file, claims } = await issueCertificate(ctx, key);
      const { terminal } = context;
      // With --json or without: the file is JSON.
      terminal.json(file);
      const until = new Date(claims.exp * 1000).toISOString();
      terminal.note(`For ${printable(claims.license.clientName)}, valid until ${until}.`);
      return EXIT.done;
    }),
});
