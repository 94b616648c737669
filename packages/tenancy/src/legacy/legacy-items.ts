import type { TenancyContext } from "../context.ts";
import { type Page, type PageRequest, readCursor, toPage } from "../page.ts";
import { type LegacyItem, type LegacyItemState, toLegacyItem } from "./legacy-item.ts";
import { getLegacyRun } from "./legacy-run.ts";

export interface LegacyItemFilter {
  readonly state?: LegacyItemState;
}

/**
 * The licenses of a legacy migration, in the order in which the source has them. None before it is planned.
 *
 * @throws TenancyError OPERATION_NOT_FOUND
 */
export async function listLegacyItems(
  ctx: TenancyContext,
  runId: string,
  filter: LegacyItemFilter,
  page: PageRequest,
): Promise<Page<LegacyItem>> {
  await getLegacyRun(ctx, runId);
  let query = itemsWithState(ctx, runId).limit(page.limit + 1);
  if (filter.state === "planned") query = query.where("legacy_items.operation_id", "is", null);
  else if (filter.state !== undefined) query = query.where("operations.state", "=", filter.state);
  if (page.cursor !== undefined) query = query.where("legacy_items.id", ">", readCursor(page.cursor));
  return toPage(await query.execute(), page.limit, toLegacyItem);
}

/** A run's items in their order, each with what its operation says. */
export function itemsWithState(ctx: TenancyContext, runId: string) {
  return ctx.control
    .selectFrom("legacy_items")
    .leftJoin("operations", "operations.id", "legacy_items.operation_id")
    .selectAll("legacy_items")
    .select([
      "operations.state as operation_state",
      "operations.error as operation_error",
      "operations.done as operation_done",
    ])
    .where("legacy_items.run_id", "=", runId)
    .orderBy("legacy_items.id");
}
