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

/** Without what only their move needs, which is large, or secret. */
const SHOWN = [
  "legacy_items.id",
  "legacy_items.tenant_id",
  "legacy_items.operation_id",
  "legacy_items.name",
  "legacy_items.source",
  "legacy_items.license_key",
  "legacy_items.client_name",
  "legacy_items.file",
  "legacy_items.sha256",
  "legacy_items.bytes",
  "legacy_items.foresight",
  "legacy_items.planned",
  "legacy_items.rows_planned",
  "legacy_items.error",
  "legacy_items.notes",
  "legacy_items.outcome",
  "legacy_items.report",
  "legacy_items.rows_done",
  "legacy_items.quarantined",
] as const;

/** A run's items in their order, each with what its operation says. */
export function itemsWithState(ctx: TenancyContext, runId: string) {
  return ctx.control
    .selectFrom("legacy_items")
    .leftJoin("operations", "operations.id", "legacy_items.operation_id")
    .select(SHOWN)
    .select([
      "operations.state as operation_state",
      "operations.error as operation_error",
      "operations.done as operation_done",
    ])
    .where("legacy_items.run_id", "=", runId)
    .orderBy("legacy_items.id");
}
