import type { TenancyContext } from "../context.ts";
import { validationError } from "../errors.ts";
import { isNumber } from "../page.ts";
import { getLegacyRun } from "./legacy-run.ts";
import { quarantinedRows } from "./quarantine.ts";
import { type Candidate, retryItem } from "./retry-item.ts";
import type { RetryQuarantineInput, RetryQuarantineOutcome } from "./retry-quarantine-request.ts";
import type { RowRefusal } from "./row-refusal.ts";

/**
 * Imports rows out of quarantine into their tenants, which are in use: rows that somebody has corrected, or all that fit and
 * wait, as they are. Parents come before the rows that refer to them. What is still wrong stays in quarantine, as it was.
 * Done again, it finds what was imported before, and counts it. A row of another run is never touched, whatever its id.
 *
 * @throws TenancyError OPERATION_NOT_FOUND; VALIDATION_FAILED for an id that isn't of this run's quarantine; UNAVAILABLE,
 * retryable, when PostgreSQL is busy or somebody else imports the same rows.
 */
export async function retryQuarantine(
  ctx: TenancyContext,
  runId: string,
  input: RetryQuarantineInput,
  actor: string,
): Promise<RetryQuarantineOutcome> {
  await getLegacyRun(ctx, runId);
  const byItem = Map.groupBy(await candidates(ctx, runId, input), ({ itemId }) => itemId);
  let imported = 0;
  const refused: RowRefusal[] = [];
  for (const [itemId, rows] of byItem) {
    const outcome = await retryItem(ctx, itemId, rows, actor);
    imported += outcome.imported;
    refused.push(...outcome.refused);
  }
  return { imported, refused };
}

/** The rows that are asked for, each with what is to be imported in its place, if that is another. */
async function candidates(
  ctx: TenancyContext,
  runId: string,
  { rows, licenseKey, table }: RetryQuarantineInput,
): Promise<readonly Candidate[]> {
  if (rows === undefined) {
    const filter = {
      state: "open",
      ...(licenseKey === undefined ? {} : { licenseKey }),
      ...(table === undefined ? {} : { table }),
    } as const;
    const found = await quarantinedRows(ctx, runId, filter)
      .select(["quarantined_rows.id", "quarantined_rows.item_id"])
      .orderBy("quarantined_rows.id")
      .execute();
    return found.map(({ id, item_id: itemId }) => ({ id, itemId, corrected: null }));
  }
  const found = await quarantinedRows(ctx, runId, {})
    .select(["quarantined_rows.id", "quarantined_rows.item_id"])
    .where(
      "quarantined_rows.id",
      "in",
      rows.map(({ id }) => (isNumber(id) ? id : "0")),
    )
    .execute();
  const items = new Map(found.map((row) => [row.id, row.item_id]));
  const faults = rows.flatMap(({ id }, index) =>
    items.has(id) ? [] : [{ pointer: `/rows/${index}/id`, detail: "is no row in this run's quarantine" }],
  );
  if (faults.length > 0) throw validationError(faults);
  return rows.map(({ id, row }) => ({ id, itemId: items.get(id) ?? "", corrected: row }));
}
