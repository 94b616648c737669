import { announceChildren } from "@tenantry/jobs";
import {
  type BulkVerb,
  type ChangeLicensesInput,
  changeLicenses,
  countLicenses,
  LICENSE_STATUSES,
  MAX_CHANGES,
  parseChangeLicenses,
  type TenancyContext,
  TenancyError,
} from "@tenantry/tenancy";
import { cliCaller } from "./actor.ts";
import { WrongUse } from "./arguments/wrong-use.ts";
import type { CommandContext } from "./command.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";
import { workUntilEnded } from "./follow-operation.ts";
import { readInputFile } from "./input-file.ts";
import { concludeRun } from "./output/conclude-run.ts";
import { count } from "./output/license-text.ts";
import { askYesNo, canAsk } from "./prompt.ts";
import { withInstallation } from "./with-installation.ts";

/** The options of every command that changes many licenses. */
export const BULK_CHANGE_OPTIONS = {
  "keys-file": { type: "string", value: "FILE", help: "The licenses' keys, one a line; - is stdin" },
  status: { type: "string", value: "STATUS", help: `All of this status: ${LICENSE_STATUSES.join(", ")}` },
  blueprint: { type: "string", value: "NAME", help: "All of this blueprint" },
  q: { type: "string", value: "TEXT", help: "All with this in key, client, company or e-mail address" },
  reason: { type: "string", value: "TEXT", help: "Why, for the licenses' histories" },
  yes: { type: "boolean", help: "Don't ask" },
  "no-wait": { type: "boolean", help: "Return when it is accepted, before it is done" },
} as const;

export const BULK_CHANGE_DETAILS = [
  `Name up to ${MAX_CHANGES} licenses by --keys-file, or find them by --status, --blueprint and --q, which narrow each other.`,
  "Where it doesn't fit a license, that one is told and the others are done.",
  "Exits with 0 when all are done, 1 when none is, 3 when some are.",
] as const;

interface BulkChangeValues {
  readonly "keys-file"?: string | undefined;
  readonly status?: string | undefined;
  readonly blueprint?: string | undefined;
  readonly q?: string | undefined;
  readonly reason?: string | undefined;
  readonly days?: string | undefined;
  readonly yes?: boolean | undefined;
  readonly "no-wait"?: boolean | undefined;
}

/** Changes many licenses as one run: asks, starts it, works until it ends, and tells what became of each. */
export async function runBulkChange(
  context: CommandContext,
  verb: BulkVerb,
  values: BulkChangeValues,
): Promise<ExitCode> {
  const input = parse(verb, await requestBody(values));
  const wait = values["no-wait"] !== true;
  return withInstallation(context, { worker: wait }, async (installation) => {
    const { ctx, queues } = installation;
    if (values.yes !== true && !(await confirmed(context, ctx, input))) {
      context.terminal.note("Nothing was done.");
      return EXIT.failed;
    }
    const { operation } = (await changeLicenses(ctx, input, cliCaller())).answer;
    await announceChildren(ctx, queues, operation.id);
    if (wait) return concludeRun(context, ctx, await workUntilEnded(context, installation, operation.id));
    await concludeRun(context, ctx, operation);
    return EXIT.done;
  });
}

async function requestBody(values: BulkChangeValues): Promise<Record<string, unknown>> {
  const { status, blueprint, q, reason, days } = values;
  const file = values["keys-file"];
  const filter = Object.entries({ status, blueprint, q }).filter(([, value]) => value !== undefined);
  return {
    ...(file === undefined ? {} : { licenseKeys: lines(await readInputFile(file)) }),
    ...(filter.length === 0 ? {} : { filter: Object.fromEntries(filter) }),
    ...(reason === undefined ? {} : { reason }),
    // What is no number is left as it is, for the request's own rules to refuse.
    ...(days === undefined ? {} : { days: /^\d+$/.test(days) ? Number(days) : days }),
  };
}

function lines(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function parse(verb: BulkVerb, body: Record<string, unknown>): ChangeLicensesInput {
  try {
    return parseChangeLicenses(verb, body);
  } catch (error) {
    if (!(error instanceof TenancyError) || error.code !== "VALIDATION_FAILED") throw error;
    throw new WrongUse(
      `Licenses can't be changed like that.`,
      `See \`tenantry license ${verb}-many --help\`.`,
      error.faults.map(({ pointer, detail }) => optionFault(pointer, detail)),
    );
  }
}

/** A fault of the request, told by the name of the option that it came from. */
function optionFault(pointer: string, detail: string): string {
  const [field = "", part] = pointer.slice(1).split("/");
  const said = detail
    .replace("by licenseKeys or by filter", "by --keys-file, or by --status, --blueprint or --q")
    .replace("excludes licenseKeys", "excludes --keys-file");
  if (field === "licenseKeys")
    return part === undefined ? `--keys-file ${said}` : `key ${Number(part) + 1} ${said}`;
  if (field === "filter")
    return `${part === undefined ? "--status, --blueprint or --q" : `--${part}`} ${said}`;
  return field === "" ? said : `--${field} ${said}`;
}

async function confirmed(
  { terminal, shutdown }: CommandContext,
  ctx: TenancyContext,
  { selection, change }: ChangeLicensesInput,
): Promise<boolean> {
  if (!canAsk(terminal))
    throw new WrongUse("Nobody is there to be asked.", "Add --yes to do it without asking.");
  const number =
    "filter" in selection ? await countLicenses(ctx, selection.filter) : selection.licenseKeys.length;
  const verb = `${change.verb.charAt(0).toUpperCase()}${change.verb.slice(1)}`;
  return askYesNo(terminal, `${verb} ${count(number, "license", "licenses")}?`, shutdown.signal);
}
