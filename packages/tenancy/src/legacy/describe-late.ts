import { sql } from "kysely";
import type { Claim } from "../claim.ts";
import type { TenancyContext } from "../context.ts";
import { existingTenants } from "./existing-licenses.ts";
import { countRows } from "./legacy-item.ts";
import type { Moving } from "./moving.ts";
import { planFile, storedPlan } from "./plan-file.ts";

/**
 * Has a license's file described that the plan couldn't read, or had no need to: it may be mended by now, or free. Does
 * nothing for a license that isn't going to be moved.
 *
 * @throws SourceError
 */
export async function describeLate(
  ctx: TenancyContext,
  claim: Claim,
  moving: Moving,
  signal: AbortSignal,
): Promise<Moving> {
  const { item, facts, root, known, input, plannedAt } = moving;
  if (item.file === null || moving.description !== null) return moving;
  const state = (await existingTenants(ctx.control, [item.license_key])).get(item.license_key);
  if (state === "ready" || state === "deleting" || state === "deleted") return moving;
  const description = await ctx.legacy.readers.describe(root, item.file, signal);
  const made = await planFile(ctx, known, input, description, facts.owned, plannedAt);
  const plan = storedPlan(made, description);
  await sql`
    update tenantry.legacy_items set
      sha256 = ${description.sha256}, bytes = ${description.bytes}::bigint,
      description = ${JSON.stringify(description)}::jsonb, planned = ${JSON.stringify(plan)}::jsonb,
      rows_planned = ${countRows(plan.tables, ({ rows }) => rows)}::bigint, foresight = 'import', error = null
    from tenantry.operations o
    where legacy_items.id = ${item.id}
      and o.id = ${claim.operationId} and o.attempts = ${claim.attempt} and o.state = 'running'`.execute(
    ctx.control,
  );
  const { sha256, bytes } = description;
  return { ...moving, description, item: { ...item, sha256, bytes: String(bytes) } };
}
