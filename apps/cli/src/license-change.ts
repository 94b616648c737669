import {
  type Caller,
  type Fault,
  type LicenseChange,
  type TenancyContext,
  TenancyError,
} from "@tenantry/tenancy";
import { cliCaller } from "./actor.ts";
import { WrongUse } from "./arguments/wrong-use.ts";
import { type Command, type CommandOptions, defineCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { LICENSE_FIELD_OPTIONS } from "./license-request.ts";
import { licensePairs } from "./output/license-text.ts";
import { formatPairs } from "./output/table.ts";
import { withInstallation } from "./with-installation.ts";

export const REASON_OPTION = {
  type: "string",
  value: "TEXT",
  help: "Why, for the license's history",
} as const;

type Values = Readonly<Record<string, boolean | string | string[] | undefined>>;

/** A command that changes one license. */
export interface LicenseChangeCommand<I> {
  /** After `license`. */
  readonly verb: string;
  readonly description: string;
  readonly options: CommandOptions;
  readonly details?: readonly string[];
  readonly examples: readonly string[];
  /** The request's body, as it would come over HTTP. */
  readonly body: (values: Values) => Record<string, unknown>;
  readonly parse: (body: unknown) => I;
  readonly change: (ctx: TenancyContext, key: string, input: I, caller: Caller) => Promise<LicenseChange>;
}

/** What the commands that change a license have in common: faults told by options, and the license as the outcome. */
export function defineLicenseChange<I>(definition: LicenseChangeCommand<I>): Command {
  const { verb, description, options, details, examples, body, parse, change } = definition;
  return defineCommand({
    description,
    positionals: [{ name: "KEY", required: true }],
    options,
    ...(details === undefined ? {} : { details }),
    examples,
    run: async (context, values, [key = ""]) => {
      const input = refuseAsOptions(verb, () => parse(body(values as Values)));
      return withInstallation(context, { worker: false }, async ({ ctx }) => {
        const { license } = await change(ctx, key, input, cliCaller());
        if (context.json) context.terminal.json(license);
        else context.terminal.data(formatPairs(licensePairs(license, null)));
        return EXIT.done;
      });
    },
  });
}

/** What is wrong with the request is told by the options' names. */
function refuseAsOptions<I>(verb: string, parse: () => I): I {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof TenancyError) || error.code !== "VALIDATION_FAILED") throw error;
    throw new WrongUse(
      "The license can't be changed like that.",
      `See \`tenantry license ${verb} --help\`.`,
      error.faults.map(fault),
    );
  }
}

function fault({ pointer, detail }: Fault): string {
  if (pointer === "") return "say what to change: give at least one option";
  const field = pointer.slice(1);
  const option = (LICENSE_FIELD_OPTIONS as Readonly<Record<string, string>>)[field] ?? field;
  return `--${option} ${detail}`;
}
