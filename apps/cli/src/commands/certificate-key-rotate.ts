import { rotateCertificateKey } from "@tenantry/tenancy";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { formatPairs } from "../output/table.ts";
import { withInstallation } from "../with-installation.ts";

export const certificateKeyRotateCommand = defineCommand({
  description: "Signs license files with a new key from now on.",
  options: {},
  details: [
    "What the old key signed stays valid until it ends, and the old public key stays published as long.",
    "Applications that keep the public keys in a file need the new ones before they get a new certificate.",
  ],
  examples: ["tenantry certificate-key rotate"],
  run: async (context) =>
    withInstallation(context, { worker: false }, async ({ ctx }) => {
      const id = await rotateCertificateKey(ctx);
      const { terminal, json } = context;
      if (json) terminal.json({ id });
      else terminal.data(formatPairs([["Signs from now on", id]]));
      return EXIT.done;
    }),
});
