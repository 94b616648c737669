import {
  examineCapacity,
  examineInstallation,
  examineIsolation,
  examineLicense,
  type Finding,
  printable,
} from "@tenantry/tenancy";
import { cliCaller } from "../actor.ts";
import { WrongUse } from "../arguments/wrong-use.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { type AppliedFix, applyFixes } from "../doctor/apply-fixes.ts";
import { announceUnfinished, checkQueue } from "../doctor/check-queue.ts";
import { findingsText } from "../doctor/finding-text.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { followOperation, withWorker } from "../follow-operation.ts";
import type { LocalInstallation } from "../local-installation.ts";
import { describeProblem } from "../output/describe-problem.ts";
import { count } from "../output/license-text.ts";
import { withInstallation } from "../with-installation.ts";

export const doctorCommand = defineCommand({
  description: "Finds what is wrong with the installation, or with one license, and says what mends it.",
  positionals: [{ name: "KEY", required: false }],
  options: {
    user: { type: "string", value: "NAME", help: "Of the license KEY: why this user can't sign in" },
    isolation: { type: "boolean", help: "Look for holes in the walls between tenants instead" },
    capacity: { type: "boolean", help: "Measure what the servers hold and have room for instead" },
    fix: { type: "boolean", help: "Mend what can be mended safely, and look again" },
    yes: { type: "boolean", help: "With --fix: don't ask before failed work is retried" },
  },
  details: [
    "Mended are: lost jobs, work of dead workers, failed operations (after a yes), the tenant's role and its rights.",
    "Exits with 0 when all is well, 1 when problems are left, 3 when some were mended and some are left.",
  ],
  examples: [
    "tenantry doctor",
    "tenantry doctor 7QKD-M3ZT-0V5H-XA2P --user admin",
    "tenantry doctor --fix --yes",
    "tenantry doctor --isolation",
    "tenantry doctor --capacity",
  ],
  run: async (context, values, [key]) => {
    if (values.user !== undefined && key === undefined) {
      throw new WrongUse(
        "--user needs the license that the user belongs to.",
        "tenantry doctor KEY --user NAME",
      );
    }
    const wide = (["isolation", "capacity"] as const).filter((option) => values[option] === true);
    if (wide.length > 1) {
      throw new WrongUse(
        "--isolation and --capacity are two questions: ask one.",
        "tenantry doctor --capacity",
      );
    }
    if (wide[0] !== undefined && key !== undefined) {
      throw new WrongUse(
        `--${wide[0]} looks at all tenants, and takes no KEY.`,
        `tenantry doctor --${wide[0]}`,
      );
    }
    if (values.yes === true && values.fix !== true) {
      throw new WrongUse("--yes says yes to nothing without --fix.", "tenantry doctor --fix --yes");
    }
    const subject: Subject = {
      key: key ?? null,
      username: values.user ?? null,
      wide: wide[0] ?? null,
    };
    let opened = false;
    try {
      return await withInstallation(context, { worker: values.fix === true }, async (installation) => {
        opened = true;
        const findings = await examine(installation, subject);
        if (values.fix !== true) return report(context, findings, findings, []);
        const { applied, operationIds } = await applyFixes(context, findings, values.yes === true);
        if (operationIds.length > 0) await seeThrough(context, installation, operationIds);
        return report(
          context,
          findings,
          applied.length > 0 ? await examine(installation, subject) : findings,
          applied,
        );
      });
    } catch (error) {
      if (opened || context.shutdown.signal.aborted) throw error;
      // That it can't even be opened is a finding too.
      const finding = await notOpened(error);
      return report(context, [finding], [finding], []);
    }
  },
});

interface Subject {
  readonly key: string | null;
  readonly username: string | null;
  /** What is looked at in all tenants instead. */
  readonly wide: "isolation" | "capacity" | null;
}

async function examine(
  installation: LocalInstallation,
  { key, username, wide }: Subject,
): Promise<Finding[]> {
  if (wide === "isolation") return examineIsolation(installation.ctx);
  if (wide === "capacity") return examineCapacity(installation.ctx);
  const caller = cliCaller();
  const announce = (operationId: string): Promise<void> => announceUnfinished(installation, operationId);
  const { ctx } = installation;
  const findings =
    key === null
      ? await examineInstallation(ctx, { caller, announce })
      : await examineLicense(ctx, { licenseKey: key, username, caller, announce });
  return [...findings, ...(await checkQueue(installation, key))];
}

/** Works until what the fixes set going has ended. */
async function seeThrough(
  context: CommandContext,
  installation: LocalInstallation,
  operationIds: readonly string[],
): Promise<void> {
  await withWorker(installation, async () => {
    for (const id of operationIds) await followOperation(context, installation, id);
  });
}

function report(
  { terminal, json }: CommandContext,
  before: readonly Finding[],
  after: readonly Finding[],
  applied: readonly AppliedFix[],
): ExitCode {
  const problems = after.filter(({ severity }) => severity === "problem");
  if (json) {
    const findings = after.map(({ fix, ...finding }) => ({ ...finding, fixable: fix !== undefined }));
    terminal.json({ findings, fixes: applied });
  } else {
    for (const { fix, outcome, error } of applied) {
      terminal.note(`${printable(fix)}: ${outcome}${error === undefined ? "" : `, ${printable(error)}`}`);
    }
    terminal.data(findingsText(after, terminal.style));
    const fixable = problems.filter(({ fix }) => fix !== undefined).length;
    if (problems.length === 0) terminal.note("All is well.");
    else {
      const help = fixable === 0 || applied.length > 0 ? "" : `; --fix can mend ${fixable} of them`;
      terminal.note(`${count(problems.length, "problem", "problems")}${help}.`);
    }
  }
  if (problems.length === 0) return EXIT.done;
  const mended = before.filter(({ severity }) => severity === "problem").length > problems.length;
  return mended ? EXIT.partlyDone : EXIT.failed;
}

async function notOpened(error: unknown): Promise<Finding> {
  const { message, code, hint, faults } = await describeProblem(error);
  const detail = [`${code}: ${message}`, ...faults].join(" ");
  return { check: "installation", severity: "problem", detail, remedy: hint };
}
