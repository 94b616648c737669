import { resolve } from "node:path";
import { announceNew } from "@tenantry/jobs";
import {
  isFinished,
  type LegacyMigrationInput,
  migrateLegacy,
  ON_EXISTING,
  type Operation,
  type Pace,
  parseLegacyMigration,
  sourceRoot,
  type TenancyContext,
  TenancyError,
} from "@tenantry/tenancy";
import { cliCaller } from "../actor.ts";
import { oneOf } from "../arguments/one-of.ts";
import { WrongUse } from "../arguments/wrong-use.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import type { LocalInstallation } from "../local-installation.ts";
import { PACE_OPTION, readPace } from "../pace-option.ts";
import { withInstallation } from "../with-installation.ts";
import { concludeMigration, planText } from "./conclude-migration.ts";
import { workUntilMoved } from "./follow-migration.ts";
import { assertReportPath, writeReport } from "./report-files.ts";

const OPTIONS = {
  "dry-run": { type: "boolean", help: "Only show what would become of each license" },
  license: {
    type: "string",
    multiple: true,
    value: "KEY",
    help: "Only this one, by its key or its client's folder",
  },
  report: { type: "string", value: "FILE", help: "Write the report: FILE as JSON, and a page beside it" },
  strict: { type: "boolean", help: "A license with a row that can't be imported fails, and leaves nothing" },
  "on-existing": {
    type: "string",
    value: ON_EXISTING.join("|"),
    help: "What becomes of a license that has a tenant already (default skip)",
  },
  "time-zone": { type: "string", value: "ZONE", help: "Zone of times without one, such as Europe/Moscow" },
  pace: PACE_OPTION,
  "no-wait": { type: "boolean", help: "Return when it is accepted, before anything is moved" },
} as const;

const DETAILS = [
  "PATH is the folder with the system's files. It is only read. Nothing that is there already is overwritten.",
  "The plan comes first, then each license by itself, in one transaction: it is there whole and verified, or not at all.",
  "Rows that can't be imported as they are go to quarantine: see `tenantry migrate-legacy quarantine show`.",
  "Interrupted, it goes on with the same command line's `operation watch`; nothing is moved twice.",
  "Exits with 0 when every license is moved, 1 when none is, 3 when some are.",
] as const;

type Values = { readonly [K in keyof typeof OPTIONS]?: string | boolean | string[] | undefined } & {
  readonly license?: string[] | undefined;
  readonly report?: string | undefined;
  readonly "on-existing"?: string | undefined;
  readonly "time-zone"?: string | undefined;
  readonly pace?: string | undefined;
};

/** `tenantry migrate-legacy <system> PATH`. */
export function migrateLegacyCommand(system: string, from: string): Command {
  return defineCommand({
    description: `Moves licenses in from ${from}, and waits until they are there.`,
    positionals: [{ name: "PATH", required: true }],
    options: OPTIONS,
    details: DETAILS,
    examples: [
      `tenantry migrate-legacy ${system} /srv/old --dry-run`,
      `tenantry migrate-legacy ${system} /srv/old --report moved.json`,
    ],
    run: (context, values, [path = ""]) => moveIn(context, system, path, values),
  });
}

/** The same for a system that only a blueprint knows. */
export const migrateLegacyFromCommand = defineCommand({
  description: "Moves licenses in from a system that one of the blueprints knows by this name.",
  positionals: [
    { name: "SYSTEM", required: true },
    { name: "PATH", required: true },
  ],
  options: OPTIONS,
  details: DETAILS,
  examples: ["tenantry migrate-legacy from ded /srv/old --dry-run"],
  run: (context, values, [system = "", path = ""]) => moveIn(context, system, path, values),
});

async function moveIn(
  context: CommandContext,
  system: string,
  path: string,
  values: Values,
): Promise<ExitCode> {
  const wait = values["no-wait"] !== true;
  const { report } = values;
  if (report !== undefined && !wait) {
    throw new WrongUse(
      "--report is written at the end, and --no-wait doesn't wait for it.",
      "Leave one of the two out; `tenantry migrate-legacy report RUN --out FILE` writes it later.",
    );
  }
  if (report !== undefined) await assertReportPath(report);
  const pace = readPace(values.pace);
  oneOf("on-existing", values["on-existing"], ON_EXISTING);
  return withInstallation(context, { worker: wait ? "full" : false }, async (installation) => {
    const { ctx, queues } = installation;
    const input = await readInput(ctx, system, path, values, pace);
    const { answer, entry } = await migrateLegacy(ctx, input, cliCaller());
    const { id } = answer.operation;
    if (entry !== null) await announceNew(ctx, queues, entry);
    if (!wait) return accepted(context, answer.operation);
    context.terminal.note(`Run ${id}`);
    const run = await seeThrough(context, installation, id, input.dryRun);
    if (report !== undefined && isFinished(run.state)) await writeReport(context.terminal, ctx, id, report);
    return concludeMigration(context, ctx, run, input.dryRun);
  });
}

/**
 * @throws WrongUse for an option's value that the request's own rules refuse; TenancyError SOURCE_NOT_FOUND,
 * SOURCE_INVALID.
 */
async function readInput(
  ctx: TenancyContext,
  system: string,
  path: string,
  values: Values,
  pace: Pace,
): Promise<LegacyMigrationInput> {
  const source = await sourceRoot(ctx, { root: "operator", path: resolve(path) });
  const body = {
    system,
    path: source,
    dryRun: values["dry-run"] === true,
    strict: values.strict === true,
    pace,
    ...(values.license === undefined ? {} : { licenseKeys: values.license }),
    ...(values["on-existing"] === undefined ? {} : { onExisting: values["on-existing"] }),
    ...(values["time-zone"] === undefined ? {} : { timeZone: values["time-zone"] }),
  };
  try {
    return { ...parseLegacyMigration(body, ctx), root: "operator" };
  } catch (error) {
    if (!(error instanceof TenancyError) || error.code !== "VALIDATION_FAILED") throw error;
    throw new WrongUse(
      "Licenses can't be moved like that.",
      "See `tenantry migrate-legacy --help`.",
      error.faults.map(
        ({ pointer, detail }) => `${ARGUMENTS[pointer.split("/")[1] ?? ""] ?? pointer} ${detail}`,
      ),
    );
  }
}

/** The arguments that the request's fields come from. */
const ARGUMENTS: Readonly<Record<string, string>> = {
  system: "SYSTEM",
  path: "PATH",
  licenseKeys: "--license",
  onExisting: "--on-existing",
  timeZone: "--time-zone",
};

/** Shows the plan as soon as it is there, before anything is moved; that of a dry run is what the command prints. */
async function seeThrough(
  context: CommandContext,
  installation: LocalInstallation,
  id: string,
  dryRun: boolean,
): Promise<Operation> {
  const { ctx } = installation;
  return workUntilMoved(context, installation, id, async () => {
    if (!dryRun) context.terminal.progress(await planText(ctx, id));
  });
}

function accepted({ terminal, json }: CommandContext, operation: Operation): ExitCode {
  if (json) terminal.json({ operation });
  else terminal.line(operation.id);
  terminal.note(
    `Accepted. \`tenantry migrate-legacy status ${operation.id}\` shows how far it is; a running \`tenantry up\` or worker does it.`,
  );
  return EXIT.done;
}
