import type { LegacyValue, QuarantineCode, QuarantinedRowsTable, QuarantineState } from "@tenantry/schema";
import type { Selectable } from "kysely";
import type { TenancyContext } from "../context.ts";
import { normalizeLicenseKey } from "../license-key.ts";
import { isNumber, type Page, type PageRequest, readCursor, toPage } from "../page.ts";
import { getLegacyRun } from "./legacy-run.ts";

export interface QuarantineFilter {
  /** Or the name that the source has for it. */
  readonly licenseKey?: string;
  /** The table's name in the file. */
  readonly table?: string;
  readonly state?: QuarantineState;
}

/** A row that wasn't imported, as users see it. */
export interface QuarantineEntry {
  readonly id: string;
  readonly licenseKey: string | null;
  /** The license's name within the source. */
  readonly license: string;
  readonly table: string;
  readonly target: string;
  /** The row's id in the file. */
  readonly rowId: string;
  /** The source column that is the trouble. */
  readonly column: string;
  readonly code: QuarantineCode;
  readonly reason: string;
  /** What stands in that column. */
  readonly value: LegacyValue;
  readonly row: Readonly<Record<string, LegacyValue>>;
  readonly state: QuarantineState;
  readonly changedAt: string | null;
  readonly changedBy: string | null;
}

/**
 * The rows of a legacy migration that weren't imported, in the order in which they were met, each license's together as
 * long as licenses don't move at the same time.
 *
 * @throws TenancyError OPERATION_NOT_FOUND
 */
export async function listQuarantine(
  ctx: TenancyContext,
  runId: string,
  filter: QuarantineFilter,
  page: PageRequest,
): Promise<Page<QuarantineEntry>> {
  await getLegacyRun(ctx, runId);
  let query = quarantinedRows(ctx, runId, filter)
    .selectAll("quarantined_rows")
    .select(["legacy_items.license_key", "legacy_items.name"])
    .orderBy("quarantined_rows.id")
    .limit(page.limit + 1);
  if (page.cursor !== undefined) {
    query = query.where("quarantined_rows.id", ">", readCursor(page.cursor, isNumber));
  }
  return toPage(await query.execute(), page.limit, toQuarantineEntry);
}

/** A run's quarantined rows that fit the filter. */
export function quarantinedRows(ctx: TenancyContext, runId: string, filter: QuarantineFilter) {
  const { licenseKey, table, state } = filter;
  let query = ctx.control
    .selectFrom("quarantined_rows")
    .innerJoin("legacy_items", "legacy_items.id", "quarantined_rows.item_id")
    .where("quarantined_rows.run_id", "=", runId);
  if (licenseKey !== undefined) {
    query = query.where((eb) =>
      eb.or([
        eb("legacy_items.license_key", "=", normalizeLicenseKey(licenseKey)),
        eb("legacy_items.name", "=", licenseKey),
      ]),
    );
  }
  if (table !== undefined) query = query.where("quarantined_rows.source_table", "=", table);
  if (state !== undefined) query = query.where("quarantined_rows.state", "=", state);
  return query;
}

type QuarantineRow = Selectable<QuarantinedRowsTable> & {
  readonly license_key: string | null;
  readonly name: string;
};

function toQuarantineEntry(row: QuarantineRow): QuarantineEntry {
  const values = row.row as QuarantineEntry["row"];
  return {
    id: row.id,
    licenseKey: row.license_key,
    license: row.name,
    table: row.source_table,
    target: row.target,
    rowId: row.row_id,
    column: row.source_column,
    code: row.code as QuarantineCode,
    reason: row.reason,
    // A column that holds secrets isn't part of the row.
    value: values[row.source_column] ?? null,
    row: values,
    state: row.state,
    changedAt: row.changed_at?.toISOString() ?? null,
    changedBy: row.changed_by,
  };
}

/**
 * Sets rows aside for good: nobody means to import them any more. Rows that were imported or set aside before stay as
 * they are. Returns how many were set aside now.
 *
 * @throws TenancyError OPERATION_NOT_FOUND
 */
export async function dismissQuarantine(
  ctx: TenancyContext,
  runId: string,
  selection: QuarantineFilter & { readonly ids?: readonly string[] },
  actor: string,
): Promise<{ readonly dismissed: number }> {
  await getLegacyRun(ctx, runId);
  const { ids, ...filter } = selection;
  let wanted = quarantinedRows(ctx, runId, { ...filter, state: "open" }).select("quarantined_rows.id");
  if (ids !== undefined) wanted = wanted.where("quarantined_rows.id", "in", ids.filter(isNumber));
  const { numUpdatedRows } = await ctx.control
    .updateTable("quarantined_rows")
    .set({ state: "dismissed", changed_at: new Date(), changed_by: actor })
    .where("id", "in", wanted)
    .where("state", "=", "open")
    .executeTakeFirstOrThrow();
  return { dismissed: Number(numUpdatedRows) };
}
