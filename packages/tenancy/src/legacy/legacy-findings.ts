import type { LegacyFinding } from "@tenantry/schema";
import type { TenancyContext } from "../context.ts";
import { getLegacyRun } from "./legacy-run.ts";

/**
 * What a legacy migration's plan found about its source as a whole. None before it is planned.
 *
 * @throws TenancyError OPERATION_NOT_FOUND
 */
export async function legacyFindings(ctx: TenancyContext, runId: string): Promise<readonly LegacyFinding[]> {
  await getLegacyRun(ctx, runId);
  const plan = await ctx.control
    .selectFrom("legacy_runs")
    .select("findings")
    .where("operation_id", "=", runId)
    .executeTakeFirst();
  return (plan?.findings ?? []) as readonly LegacyFinding[];
}
