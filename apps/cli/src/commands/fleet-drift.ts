import { type DriftState, fleetDrift, printable, type TenantDrift } from "@tenantry/tenancy";
import { WrongUse } from "../arguments/wrong-use.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { CliError } from "../output/describe-problem.ts";
import { driftText } from "../output/drift-text.ts";
import { count } from "../output/license-text.ts";
import { askYesNo, canAsk } from "../prompt.ts";
import { withInstallation } from "../with-installation.ts";

export const fleetDriftCommand = defineCommand({
  description: "Compares tenants' tables, and what belongs to them, with their blueprint's version.",
  options: {
    blueprint: { type: "string", value: "NAME", help: "Tenants of this blueprint alone" },
    license: { type: "string", multiple: true, value: "KEY", help: "This license's tenant; may be repeated" },
    fix: { type: "boolean", help: "Make what is missing, where that takes nothing away" },
    yes: { type: "boolean", help: "With --fix: don't ask" },
  },
  details: [
    "Each tenant is compared with the version that it has. What is extra or was changed is told, and never touched.",
    "With --json one line for each tenant that isn't clean, and a last one with the sum.",
    "Exits with 0 when all are as they should be, 1 when some couldn't be examined or mended, 3 when some differ.",
  ],
  examples: [
    "tenantry fleet drift",
    "tenantry fleet drift --blueprint erp --fix --yes",
    "tenantry fleet drift --license 7QKD-M3ZT-0V5H-XA2P --json",
  ],
  run: async (context, values) => {
    const { terminal, shutdown } = context;
    const fix = values.fix === true;
    if (values.yes === true && !fix) {
      throw new WrongUse("--yes says yes to nothing without --fix.", "tenantry fleet drift --fix --yes");
    }
    if (fix && values.yes !== true) {
      const question = "Make what is missing in tenants that differ?";
      const sure = canAsk(terminal) && (await askYesNo(terminal, question, shutdown.signal));
      if (!sure) throw new CliError("NOT_CONFIRMED", "Nothing was mended.", "Say yes, or give --yes.");
    }
    const input = {
      fix,
      ...(values.blueprint === undefined ? {} : { blueprint: values.blueprint }),
      ...(values.license === undefined ? {} : { licenseKeys: values.license }),
    };
    // It needs a few connections, as a worker does, and no worker.
    return withInstallation(context, { worker: true }, ({ ctx }) =>
      tell(context, fleetDrift(ctx, input), fix),
    );
  },
});

async function tell(
  { terminal, json, shutdown }: CommandContext,
  results: AsyncIterable<TenantDrift>,
  fix: boolean,
): Promise<ExitCode> {
  const tenants: Record<DriftState, number> = {
    clean: 0,
    drifted: 0,
    fixed: 0,
    "partly-fixed": 0,
    failed: 0,
  };
  let [seen, fixable] = [0, 0];
  for await (const result of results) {
    tenants[result.state]++;
    seen++;
    fixable += result.differences.filter((difference) => difference.fixable).length;
    if (result.state !== "clean" || result.differences.length > 0) {
      if (json) terminal.data(`${JSON.stringify(result)}\n`);
      else terminal.data(driftText(result, terminal));
    }
    if (seen % 100 === 0) terminal.status(`${seen} tenants examined`);
    if (shutdown.signal.aborted)
      throw new CliError("INTERRUPTED", "Not all tenants were examined.", "Run it again.");
  }
  terminal.clearStatus();
  if (json) terminal.data(`${JSON.stringify({ examined: seen, tenants })}\n`);
  else {
    const parts = Object.entries(tenants).flatMap(([state, number]) =>
      number > 0 ? [`${number} ${state}`] : [],
    );
    terminal.note(
      printable(
        `${count(seen, "tenant", "tenants")} examined${parts.length > 0 ? `: ${parts.join(", ")}` : ""}.`,
      ),
    );
    if (fixable > 0 && !fix) terminal.note(`--fix can mend ${count(fixable, "difference", "differences")}.`);
  }
  if (tenants.failed > 0) return EXIT.failed;
  return tenants.drifted + tenants["partly-fixed"] > 0 ? EXIT.partlyDone : EXIT.done;
}
