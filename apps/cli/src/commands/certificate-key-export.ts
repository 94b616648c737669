import { publishedCertificateKeys } from "@tenantry/tenancy";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { withInstallation } from "../with-installation.ts";

export const certificateKeyExportCommand = defineCommand({
  description: "Prints the public keys that license files are verified with, as a JWK set.",
  options: {},
  details: ["The same as GET /v1/certificate-keys. There is nothing secret in it."],
  examples: ["tenantry certificate-key export > keys.json"],
  run: async (context) =>
    withInstallation(context, { worker: false }, async ({ ctx }) => {
      context.terminal.json({ keys: await publishedCertificateKeys(ctx) });
      return EXIT.done;
    }),
});
