import { dryRunUpgrade, type TenancyContext } from "@tenantry/tenancy";
import { WrongUse } from "../arguments/wrong-use.ts";
import type { CommandContext } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { rehearsalText, rehearsedText } from "../output/rehearsal-text.ts";

/** More than this is no sample. */
const MAX_SAMPLE = 100;

/**
 * Tries the upgrade of some tenants in transactions that are rolled back, and prints what it did: 0 when all went well, 1
 * when none did, 3 when some did.
 */
export async function rehearse(
  { terminal, json }: CommandContext,
  ctx: TenancyContext,
  input: {
    readonly blueprint?: string | undefined;
    readonly license?: readonly string[] | undefined;
    readonly sample: number | undefined;
  },
): Promise<ExitCode> {
  const { blueprint, license, sample } = input;
  const { tenants, sums } = await dryRunUpgrade(
    ctx,
    {
      ...(blueprint === undefined ? {} : { blueprint }),
      ...(license === undefined ? {} : { licenseKeys: license }),
      ...(sample === undefined ? {} : { sample }),
    },
    (tenant) => {
      if (!json) terminal.data(rehearsedText(tenant, terminal));
    },
  );
  if (json) terminal.json({ tenants, sums });
  else if (tenants.length === 0) terminal.note("No tenant is behind its blueprint.");
  else for (const sum of sums) terminal.data(rehearsalText(sum));
  const failed = sums.reduce((n, sum) => n + sum.tenants.failed + sum.tenants.notPossible, 0);
  if (failed === 0) return EXIT.done;
  return failed === tenants.length ? EXIT.failed : EXIT.partlyDone;
}

/**
 * How many tenants of each blueprint; undefined for the usual number.
 *
 * @throws WrongUse
 */
export function readSample(
  text: string | undefined,
  dryRun: boolean,
  named: readonly string[] | undefined,
): number | undefined {
  if (text === undefined) return undefined;
  if (!dryRun) throw new WrongUse("--sample is for a dry run.", "Give --dry-run as well.");
  if (named !== undefined) {
    throw new WrongUse("--sample draws tenants, --license names them.", "Give one of the two.");
  }
  const size = Number(text);
  if (Number.isInteger(size) && size >= 1 && size <= MAX_SAMPLE) return size;
  throw new WrongUse(
    `--sample must be a number from 1 to ${MAX_SAMPLE}.`,
    "tenantry fleet migrate --dry-run --sample 10",
  );
}
