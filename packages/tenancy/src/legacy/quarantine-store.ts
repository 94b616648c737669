import type { QuarantinedRow } from "@tenantry/schema";
import { sql } from "kysely";
import type { Claim } from "../claim.ts";
import type { TenancyContext } from "../context.ts";

/** Characters of JSON for one statement, about: rows may hold whole files. */
const JSON_AT_ONCE = 4_000_000;

/**
 * What every write for an item names: the operation's row, shared, so that another worker's claim waits for the write and
 * then finds it, to be thrown away. Nothing is written when the claim is lost.
 */
function held({ operationId, attempt }: Claim) {
  return sql`
    select id from tenantry.operations
    where id = ${operationId} and attempts = ${attempt} and state = 'running' for share`;
}

/** Rows that one statement forgets: there may be millions, and a control query has seconds. */
const FORGOTTEN_AT_ONCE = 50_000;

/** Forgets what an earlier try or attempt has found out about an item: it is read again from the beginning. */
export async function forgetFindings(ctx: TenancyContext, claim: Claim, itemId: string): Promise<void> {
  for (let more = true; more; ) {
    const forgotten = await sql`
      with held as (${held(claim)})
      delete from tenantry.quarantined_rows using held
      where quarantined_rows.id in (
        select id from tenantry.quarantined_rows where item_id = ${itemId} limit ${FORGOTTEN_AT_ONCE}
      )`.execute(ctx.control);
    more = forgotten.numAffectedRows === BigInt(FORGOTTEN_AT_ONCE);
  }
  await sql`
    with held as (${held(claim)})
    update tenantry.legacy_items set report = null, quarantined = 0 from held
    where legacy_items.id = ${itemId}`.execute(ctx.control);
}

/** Puts rows of an item into quarantine. */
export async function storeQuarantined(
  ctx: TenancyContext,
  claim: Claim,
  item: { readonly id: string; readonly run_id: string },
  rows: readonly QuarantinedRow[],
): Promise<void> {
  for (const batch of batches(rows)) {
    await sql`
      with held as (${held(claim)})
      insert into tenantry.quarantined_rows
        (run_id, item_id, source_table, target, row_id, source_column, code, reason, "row")
      select ${item.run_id}::uuid, ${item.id}::uuid, r."table", r.target, r."rowId", r."column", r.code, r.reason, r."row"
      from held, json_to_recordset(${batch}::json) as
        r ("table" text, target text, "rowId" text, "column" text, code text, reason text, "row" json)`.execute(
      ctx.control,
    );
  }
}

/** JSON arrays of a bearable size. */
function* batches(rows: readonly QuarantinedRow[]): Generator<string> {
  let batch: string[] = [];
  let length = 0;
  for (const row of rows) {
    const text = JSON.stringify(row);
    if (batch.length > 0 && length + text.length > JSON_AT_ONCE) {
      yield `[${batch.join(",")}]`;
      batch = [];
      length = 0;
    }
    batch.push(text);
    length += text.length;
  }
  if (batch.length > 0) yield `[${batch.join(",")}]`;
}

/**
 * Keeps the report of an import that is about to be committed on the placement. False, and nothing is kept, when the
 * claim is lost or somebody wants it canceled: the import has to be rolled back.
 */
export async function storeReport(
  ctx: TenancyContext,
  { operationId, attempt }: Claim,
  itemId: string,
  report: object,
  quarantined: number,
): Promise<boolean> {
  const stored = await sql`
    with held as (
      update tenantry.operations set heartbeat_at = now()
      where id = ${operationId} and attempts = ${attempt} and state = 'running' and cancel_requested_at is null
      returning id
    )
    update tenantry.legacy_items set report = ${JSON.stringify(report)}::jsonb, quarantined = ${quarantined}
    from held where legacy_items.id = ${itemId}`.execute(ctx.control);
  return (stored.numAffectedRows ?? 0n) > 0n;
}
