import { announceNew } from "@tenantry/jobs";
import {
  type FleetMigrationInput,
  type FleetStanding,
  fleetStandings,
  getLicense,
  migrateFleet,
  parseAmount,
  parseFleetMigration,
  type TenancyContext,
  TenancyError,
} from "@tenantry/tenancy";
import { cliCaller } from "../actor.ts";
import { WrongUse } from "../arguments/wrong-use.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { amountOption } from "../fleet/amount-option.ts";
import { seeFleetThrough } from "../fleet/follow-fleet.ts";
import { readSample, rehearse } from "../fleet/rehearse.ts";
import { CliError } from "../output/describe-problem.ts";
import { PACE_OPTION, readPace } from "../pace-option.ts";
import { askYesNo, canAsk } from "../prompt.ts";
import { withInstallation } from "../with-installation.ts";

interface Wanted {
  readonly blueprint?: string | undefined;
  readonly canary?: string[] | undefined;
  readonly "max-failures"?: string | undefined;
  readonly license?: string[] | undefined;
  readonly "accept-breaking"?: boolean | undefined;
  readonly pace?: string | undefined;
}

export const fleetMigrateCommand = defineCommand({
  description: "Brings the tenants that are behind to their blueprint's last version, in waves.",
  options: {
    blueprint: { type: "string", value: "NAME", help: "Whose tenants; needed when several are behind" },
    canary: {
      type: "string",
      multiple: true,
      value: "N|P%|KEY",
      help: "The first wave: so many, a share, or this license (default 1)",
    },
    "max-failures": {
      type: "string",
      value: "N|P%",
      help: "More failures pause the run; a share is of the tenants so far (default 0)",
    },
    license: { type: "string", multiple: true, value: "KEY", help: "Only this one's tenant" },
    "accept-breaking": {
      type: "boolean",
      help: "No application runs any more that a migration says it breaks",
    },
    "dry-run": {
      type: "boolean",
      help: "Try it on a few tenants in transactions that are rolled back, and tell what it did",
    },
    sample: { type: "string", value: "N", help: "Of a dry run: tenants of each blueprint (default 5)" },
    pace: PACE_OPTION,
    yes: { type: "boolean", help: "Don't ask" },
    "no-wait": { type: "boolean", help: "Return when it is accepted, before anything is upgraded" },
  },
  details: [
    "Each tenant is upgraded in one transaction, or stays as it is. Each wave is four times as large as the one before.",
    "It works in this process, and in every worker that runs. Interrupted, `tenantry operation watch` goes on.",
    "A dry run takes tenants of each version that is behind, large ones and some drawn by lot, one after the other. Nothing",
    "stays of it but numbers that a migration draws from a sequence. A tenant's queries wait while its tables are locked.",
    "Exits with 0 when every tenant is upgraded, 1 when none is, 3 when some are, or the run is paused.",
  ],
  examples: [
    "tenantry fleet migrate --dry-run --blueprint erp --sample 10",
    "tenantry fleet migrate --canary 5 --max-failures 1%",
    "tenantry fleet migrate --license 7QKD-M3ZT-0V5H-XA2P --yes",
  ],
  run: async (context, values) => {
    amountOption("max-failures", values["max-failures"]);
    readPace(values.pace);
    const dryRun = values["dry-run"] === true;
    const sample = readSample(values.sample, dryRun, values.license);
    if (dryRun) {
      const { blueprint, license } = values;
      return withInstallation(context, { worker: false }, ({ ctx }) =>
        rehearse(context, ctx, { blueprint, license, sample }),
      );
    }
    const wait = values["no-wait"] !== true;
    return withInstallation(context, { worker: wait ? "full" : false }, async (installation) => {
      const { ctx, queues } = installation;
      const { terminal, json } = context;
      const blueprint = await chooseBlueprint(ctx, values);
      if (blueprint === null) {
        if (json) terminal.json({ operation: null, figures: null, failed: [] });
        else terminal.line("No tenant is behind its blueprint's version.");
        return EXIT.done;
      }
      const input = readInput(ctx, blueprint, values);
      if (values.yes !== true) await confirm(context, ctx, input);
      const { answer, entry } = await migrateFleet(ctx, input, cliCaller());
      const { operation } = answer;
      if (entry !== null) await announceNew(ctx, queues, entry);
      if (wait) {
        terminal.note(`Run ${operation.id}`);
        return seeFleetThrough(context, installation, operation.id);
      }
      if (json) terminal.json({ operation });
      else terminal.line(operation.id);
      terminal.note("Accepted. `tenantry fleet status` shows how far it is; a running worker does it.");
      return EXIT.done;
    });
  },
});

/** Null when there is nothing to do for anybody. */
async function chooseBlueprint(ctx: TenancyContext, values: Wanted): Promise<string | null> {
  if (values.blueprint !== undefined) return values.blueprint;
  const [key] = values.license ?? [];
  if (key !== undefined) return (await getLicense(ctx, key)).license.blueprint;
  const standings = await fleetStandings(ctx);
  const concerned = standings.filter(({ behind, newer }) => behind + newer > 0);
  const [first] = concerned;
  if (first === undefined) return null;
  if (concerned.length === 1) return first.blueprint;
  throw new WrongUse(
    "Tenants of several blueprints are behind.",
    "Say whose to upgrade: --blueprint NAME.",
    concerned.map(({ blueprint, behind }) => `${blueprint}: ${behind} behind`),
  );
}

/**
 * @throws WrongUse for an option's value that the request's own rules refuse.
 */
function readInput(ctx: TenancyContext, blueprint: string, values: Wanted): FleetMigrationInput {
  const { canary, license } = values;
  const maxFailures = amountOption("max-failures", values["max-failures"]);
  const [first = ""] = canary ?? [];
  const share = canary?.length === 1 ? parseAmount(first) : null;
  try {
    return parseFleetMigration(
      {
        blueprint,
        ...(canary === undefined ? {} : { canary: share ?? canary }),
        ...(maxFailures === undefined ? {} : { maxFailures }),
        ...(license === undefined ? {} : { licenseKeys: license }),
        acceptBreaking: values["accept-breaking"] === true,
        pace: readPace(values.pace),
      },
      ctx,
    );
  } catch (error) {
    if (!(error instanceof TenancyError) || error.code !== "VALIDATION_FAILED") throw error;
    throw new WrongUse(
      "Tenants can't be upgraded like that.",
      "See `tenantry fleet migrate --help`.",
      error.faults.map(
        ({ pointer, detail }) => `${ARGUMENTS[pointer.split("/")[1] ?? ""] ?? pointer} ${detail}`,
      ),
    );
  }
}

/** The arguments that the request's fields come from. */
const ARGUMENTS: Readonly<Record<string, string>> = {
  blueprint: "--blueprint",
  canary: "--canary",
  licenseKeys: "--license",
};

async function confirm(
  { terminal, shutdown }: CommandContext,
  ctx: TenancyContext,
  input: FleetMigrationInput,
): Promise<void> {
  const standing: FleetStanding | undefined = (await fleetStandings(ctx)).find(
    ({ blueprint }) => blueprint === input.blueprint,
  );
  const behind = input.licenseKeys?.length ?? standing?.behind ?? 0;
  if (behind === 0) return;
  const asked = canAsk(terminal);
  const tenants = behind === 1 ? "1 tenant" : `${behind} tenants`;
  const question = `Bring ${tenants} of ${input.blueprint} to ${standing?.version ?? "its last version"}?`;
  if (asked && (await askYesNo(terminal, question, shutdown.signal))) return;
  throw new CliError(
    "NOT_CONFIRMED",
    "Nothing was upgraded.",
    asked ? "Answer with yes, or give --yes." : "Give --yes when there is nobody to ask.",
  );
}
