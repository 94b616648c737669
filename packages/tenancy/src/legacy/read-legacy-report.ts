import type { LegacyFinding, LegacyValue, QuarantineCode } from "@tenantry/schema";
import { sql } from "kysely";
import type { TenancyContext } from "../context.ts";
import type { StoredError } from "../errors.ts";
import { legacyRunFigures } from "./legacy-figures.ts";
import { type ImportReport, toLegacyItem } from "./legacy-item.ts";
import { itemsWithState } from "./legacy-items.ts";
import type { LegacyReport, LicenseReport, QuarantineGroup } from "./legacy-report.ts";
import { getLegacyRun } from "./legacy-run.ts";
import { legacySystem } from "./legacy-systems.ts";
import { acceptedBy } from "./store-plan.ts";

/** Rows that a group of quarantined ones shows. */
const EXAMPLES = 3;

/**
 * Everything that is known of a legacy migration, also of one that goes on: each license's certificate of migration among
 * it. Quarantined rows are told by groups; see `listQuarantine` for all of them.
 *
 * @throws TenancyError OPERATION_NOT_FOUND
 */
export async function legacyReport(ctx: TenancyContext, runId: string): Promise<LegacyReport> {
  const { operation, input } = await getLegacyRun(ctx, runId);
  const plan = await ctx.control
    .selectFrom("legacy_runs")
    .select(["blueprint", "root", "findings"])
    .where("operation_id", "=", runId)
    .executeTakeFirst();
  const items = await itemsWithState(ctx, runId)
    .leftJoin("tenants", "tenants.id", "legacy_items.tenant_id")
    .select("tenants.schema_name")
    .execute();
  const groups = await quarantineGroups(ctx, runId);
  const licenses = items.map(
    (row): LicenseReport => ({
      ...toLegacyItem(row),
      schema: row.schema_name,
      certificate: row.report as ImportReport | null,
      quarantine: groups.get(row.id) ?? [],
    }),
  );
  return {
    id: operation.id,
    system: input.system,
    blueprint: plan?.blueprint ?? legacySystem(ctx.blueprints, input.system).blueprint.blueprint.name,
    source: plan?.root ?? input.path,
    state: operation.state,
    actor: await acceptedBy(ctx.control, runId),
    dryRun: input.dryRun,
    strict: input.strict,
    onExisting: input.onExisting,
    timeZone: input.timeZone,
    createdAt: operation.created_at.toISOString(),
    finishedAt: operation.finished_at?.toISOString() ?? null,
    ...(operation.error === null ? {} : { error: operation.error as StoredError }),
    figures: await legacyRunFigures(ctx, runId),
    findings: (plan?.findings ?? []) as readonly LegacyFinding[],
    licenses,
  };
}

interface Group {
  readonly item_id: string;
  readonly source_table: string;
  readonly source_column: string;
  readonly code: QuarantineCode;
  readonly reason: string;
  readonly rows: number;
  readonly open: number;
  readonly examples: readonly { rowId: string; row: Readonly<Record<string, LegacyValue>> }[];
}

/** By the item's id. Rows may be large, so of each group a few are fetched, and of those a column. */
async function quarantineGroups(
  ctx: TenancyContext,
  runId: string,
): Promise<ReadonlyMap<string, QuarantineGroup[]>> {
  const { rows } = await sql<Group>`
    with grouped as (
      select item_id, source_table, source_column, code, reason,
        count(*)::integer as rows,
        count(*) filter (where state = 'open')::integer as open,
        (array_agg(id order by id))[1:${sql.lit(EXAMPLES)}] as first
      from tenantry.quarantined_rows where run_id = ${runId}
      group by item_id, source_table, source_column, code, reason
    )
    select item_id, source_table, source_column, code, reason, rows, open, (
      select json_agg(json_build_object('rowId', row_id, 'row',
        json_build_object(source_column, "row" -> source_column)) order by id)
      from tenantry.quarantined_rows where id = any (first)
    ) as examples
    from grouped
    order by item_id, first`.execute(ctx.control);
  const groups = new Map<string, QuarantineGroup[]>();
  for (const { item_id, source_table, source_column, examples, ...group } of rows) {
    const its = groups.get(item_id) ?? [];
    groups.set(item_id, its);
    its.push({
      ...group,
      table: source_table,
      column: source_column,
      examples: examples.map(({ rowId, row }) => ({ rowId, value: row[source_column] ?? null })),
    });
  }
  return groups;
}
