import { DEFAULT_SAMPLE, dryRunUpgrade } from "@tenantry/tenancy";
import { WrongUse } from "../arguments/wrong-use.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { rehearsalText, rehearsedText } from "../output/rehearsal-text.ts";
import { withInstallation } from "../with-installation.ts";

/** More than this is no sample. */
const MAX_SAMPLE = 100;

export const fleetRehearseCommand = defineCommand({
  description:
    "Runs the upgrade of some real tenants in transactions that are rolled back, and tells what it did.",
  options: {
    blueprint: { type: "string", value: "NAME", help: "Of this blueprint alone" },
    license: { type: "string", multiple: true, value: "KEY", help: "This license's tenant; may be repeated" },
    sample: {
      type: "string",
      value: "N",
      help: `Tenants of each blueprint, where none are named (${DEFAULT_SAMPLE})`,
    },
  },
  details: [
    "A sample has tenants of each version that is behind, large ones and some drawn by lot. One after the other is tried.",
    "Nothing stays of it, but numbers that a migration draws from a sequence. A tenant's own queries wait while its tables are",
    "locked, as they will in the upgrade: 10 s at most for a statement, and nobody waits more than 1 s for a lock of ours.",
    "Exits with 0 when all went well, 1 when none did, 3 when some did.",
  ],
  examples: [
    "tenantry fleet rehearse --blueprint erp --sample 10",
    "tenantry fleet rehearse --license 7QKD-M3ZT-0V5H-XA2P --json",
  ],
  run: async (context, values) => {
    const { terminal, json } = context;
    const sample = sampleSize(values.sample);
    if (values.sample !== undefined && values.license !== undefined) {
      throw new WrongUse("--sample draws tenants, --license names them.", "Give one of the two.");
    }
    const input = {
      sample,
      ...(values.blueprint === undefined ? {} : { blueprint: values.blueprint }),
      ...(values.license === undefined ? {} : { licenseKeys: values.license }),
    };
    return withInstallation(context, { worker: false }, async ({ ctx }) => {
      const { tenants, sums } = await dryRunUpgrade(ctx, input, (tenant) => {
        if (!json) terminal.data(rehearsedText(tenant, terminal));
      });
      if (json) terminal.json({ tenants, sums });
      else if (tenants.length === 0) terminal.note("No tenant is behind its blueprint.");
      else for (const sum of sums) terminal.data(rehearsalText(sum));
      const failed = sums.reduce((n, sum) => n + sum.tenants.failed + sum.tenants.notPossible, 0);
      if (failed === 0) return EXIT.done;
      return failed === tenants.length ? EXIT.failed : EXIT.partlyDone;
    });
  },
});

function sampleSize(text: string | undefined): number {
  if (text === undefined) return DEFAULT_SAMPLE;
  const size = Number(text);
  if (Number.isInteger(size) && size >= 1 && size <= MAX_SAMPLE) return size;
  throw new WrongUse(
    `--sample must be a number from 1 to ${MAX_SAMPLE}.`,
    "tenantry fleet rehearse --sample 10",
  );
}
