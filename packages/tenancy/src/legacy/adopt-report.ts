import { type LegacyOutcome, readMarker } from "@tenantry/schema";
import { sql } from "kysely";
import type { TenancyContext } from "../context.ts";
import type { TenantRow } from "../license-view.ts";
import { placementOf } from "../placement.ts";
import type { ImportReport } from "./legacy-item.ts";
import type { Moving } from "./moving.ts";

/** A tenant that is there, whole, and what is kept of how it came about. */
export interface Committed {
  readonly kind: "committed";
  readonly outcome: Exclude<LegacyOutcome, "skipped">;
  /** Null for one that was made new. */
  readonly report: ImportReport | null;
  readonly notes: readonly string[];
}

/**
 * What is known of a tenant that an earlier attempt had committed before it could say so: its marker names the operation.
 *
 * The stored report is that of the transaction that was committed. It was stored before the commit, under the claim, while
 * that transaction held the lock on the schema's name; and nobody replaces it but another import, which first waits for that
 * lock and then finds the marker.
 *
 * Where the marker names another operation, that one was canceled or failed in between, and its license was taken over:
 * its report and its quarantined rows become this operation's.
 */
export async function adoptReport(
  ctx: TenancyContext,
  moving: Moving,
  tenant: TenantRow,
): Promise<Committed> {
  const marker = await readMarker((await placementOf(ctx, tenant)).provisioning, tenant.schema_name);
  if (marker.kind !== "tenant") throw new Error(`schema ${tenant.schema_name} has lost its marker`);
  const maker = await ctx.control
    .selectFrom("legacy_items")
    .select(["id", "file", "report"])
    .where("operation_id", "=", marker.operationId)
    .executeTakeFirst();
  const isOurs = maker === undefined || maker.id === moving.item.id;
  const made = maker ?? moving.item;
  if (!isOurs) await takeOver(ctx, made.id, moving);
  return {
    kind: "committed",
    outcome: made.file === null ? "created" : "imported",
    report: made.report as ImportReport | null,
    notes: isOurs
      ? []
      : [`Its tenant was made by operation ${marker.operationId}, which ended before it could say so.`],
  };
}

async function takeOver(ctx: TenancyContext, from: string, { item }: Moving): Promise<void> {
  await sql`
    with moved as (
      update tenantry.quarantined_rows set run_id = ${item.run_id}, item_id = ${item.id} where item_id = ${from}
    )
    update tenantry.legacy_items set
      report = maker.report, quarantined = maker.quarantined, file = maker.file, sha256 = maker.sha256,
      bytes = maker.bytes, description = maker.description, planned = maker.planned, rows_planned = maker.rows_planned
    from tenantry.legacy_items maker
    where legacy_items.id = ${item.id} and maker.id = ${from}`.execute(ctx.control);
}
