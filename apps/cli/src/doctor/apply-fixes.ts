import type { Finding } from "@tenantry/tenancy";
import type { CommandContext } from "../command.ts";
import { describeProblem } from "../output/describe-problem.ts";
import { askYesNo, canAsk } from "../prompt.ts";

export interface AppliedFix {
  readonly fix: string;
  readonly outcome: "applied" | "declined" | "failed";
  readonly error?: string;
}

export interface AppliedFixes {
  readonly applied: readonly AppliedFix[];
  /** Work that the fixes set going. */
  readonly operationIds: readonly string[];
}

/** Applies what can be mended, asking first where work starts again. One that fails doesn't stop the others. */
export async function applyFixes(
  context: CommandContext,
  findings: readonly Finding[],
  yes: boolean,
): Promise<AppliedFixes> {
  const applied: AppliedFix[] = [];
  const operationIds = new Set<string>();
  for (const { fix } of findings) {
    if (fix === undefined) continue;
    context.shutdown.throwIfAsked();
    if (fix.asks && !yes && !(await confirmed(context, fix.describe))) {
      applied.push({
        fix: fix.describe,
        outcome: "declined",
        ...(yesNeeded(context) ? { error: "it asks first; --yes says yes" } : {}),
      });
      continue;
    }
    try {
      for (const id of (await fix.apply()).operationIds) operationIds.add(id);
      applied.push({ fix: fix.describe, outcome: "applied" });
    } catch (error) {
      const { message, code } = await describeProblem(error);
      applied.push({ fix: fix.describe, outcome: "failed", error: `${code}: ${message}` });
    }
  }
  return { applied, operationIds: [...operationIds] };
}

/** Nobody is there to be asked. */
function yesNeeded({ terminal }: CommandContext): boolean {
  return !canAsk(terminal);
}

async function confirmed({ terminal, shutdown }: CommandContext, what: string): Promise<boolean> {
  return canAsk(terminal) && askYesNo(terminal, `${what}?`, shutdown.signal);
}
