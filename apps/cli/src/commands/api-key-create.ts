import { createApiKey, isScope, printable, SCOPES, TenancyError } from "@tenantry/tenancy";
import { WrongUse } from "../arguments/wrong-use.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { formatPairs } from "../output/table.ts";
import { withInstallation } from "../with-installation.ts";

const ALL = "all";

export const apiKeyCreateCommand = defineCommand({
  description: "Makes an API key. Its token is shown this once; only a hash of it is kept.",
  options: {
    name: { type: "string", value: "NAME", help: "Who will use it (required)" },
    scope: { type: "string", multiple: true, value: "SCOPE", help: `What it may do, or ${ALL} (required)` },
  },
  details: [`Scopes: ${SCOPES.join(", ")}. Several may stand in one --scope, with commas.`],
  examples: ["tenantry api-key create --name webshop --scope licenses:write --scope operations:read"],
  run: async (context, values) => {
    const scopes = (values.scope ?? []).flatMap((text) => text.split(",")).map((text) => text.trim());
    const faults = [
      ...(values.name === undefined ? ["--name is missing"] : []),
      ...(scopes.length === 0 ? ["--scope is missing"] : []),
      ...scopes
        .filter((scope) => scope !== ALL && !isScope(scope))
        .map((scope) => `--scope ${scope} is not known`),
    ];
    if (faults.length > 0) throw wrong(faults);
    return withInstallation(context, { worker: false }, async ({ ctx }) => {
      const { apiKey, token } = await createApiKey(ctx, {
        name: values.name ?? "",
        scopes: scopes.includes(ALL) ? SCOPES : scopes,
      }).catch((error: unknown) => {
        if (!(error instanceof TenancyError) || error.code !== "VALIDATION_FAILED") throw error;
        throw wrong(
          error.faults.map(({ pointer, detail }) => `--${pointer.slice(1).replace(/s$/, "")} ${detail}`),
        );
      });
      const { terminal, json } = context;
      if (json) terminal.json({ apiKey, token });
      else {
        terminal.data(
          formatPairs([
            ["Id", apiKey.id],
            ["Name", printable(apiKey.name)],
            ["Scopes", apiKey.scopes.join(", ")],
            ["Token", token],
          ]),
        );
        terminal.note("Keep the token now: it can't be shown again.");
      }
      return EXIT.done;
    });
  },
});

function wrong(faults: readonly string[]): WrongUse {
  return new WrongUse(
    "The API key can't be made like that.",
    `Scopes: ${SCOPES.join(", ")}, or ${ALL}.`,
    faults,
  );
}
