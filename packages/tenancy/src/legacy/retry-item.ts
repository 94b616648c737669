import { convertRow } from "@tenantry/legacy";
import {
  type ImportPlan,
  insertRetried,
  type LegacyValue,
  type Pool,
  type RetriedRow,
  retryStatus,
} from "@tenantry/schema";
import { sql } from "kysely";
import type { TenancyContext } from "../context.ts";
import { provisioningError } from "../create-tenant.ts";
import { TenancyError } from "../errors.ts";
import { placementOf } from "../placement.ts";
import { loadRetry, type RetryTarget } from "./load-retry.ts";
import { type RowRefusal, refusedByDatabase, refusedForOwner } from "./row-refusal.ts";

/** A row that is to leave quarantine. */
export interface Candidate {
  readonly id: string;
  readonly itemId: string;
  /** What is to be imported in its place; null for the row as it was. */
  readonly corrected: Readonly<Record<string, LegacyValue>> | null;
}

export interface ItemRetry {
  readonly imported: number;
  readonly refused: readonly RowRefusal[];
}

/** Rows for one transaction on the placement: it keeps others from adding what the license limits. */
const ROWS_AT_ONCE = 200;

/**
 * Imports rows of one license out of quarantine, one caller at a time.
 *
 * Two databases are written, and no commit is both's. So each transaction on the placement is first put down with its rows,
 * by its id; then it is committed; then the rows are marked. Whoever comes after one that died in between asks PostgreSQL
 * how that transaction ended, and so knows of each row whether it is in.
 */
export function retryItem(
  ctx: TenancyContext,
  itemId: string,
  candidates: readonly Candidate[],
  actor: string,
): Promise<ItemRetry> {
  return alone(ctx, itemId, async () => {
    const loaded = await loadRetry(ctx, itemId);
    if (typeof loaded === "string")
      return { imported: 0, refused: candidates.map(({ id }) => unable(id, loaded)) };
    const { provisioning } = await placementOf(ctx, loaded.tenant);
    await settleEarlier(ctx, provisioning, itemId, actor);
    const rows = await readRows(ctx, itemId, candidates, loaded.plan);
    const outcome = await insertAll(ctx, provisioning, loaded, rows.ready, actor);
    await forgetDescription(ctx, itemId);
    return {
      imported: rows.imported + outcome.imported,
      refused: [...rows.refused, ...outcome.refused],
    };
  });
}

/** Holds the item's lock meanwhile. Its connection is idle for as long as the rows take. */
function alone<T>(ctx: TenancyContext, itemId: string, work: () => Promise<T>): Promise<T> {
  return ctx.control.transaction().execute(async (transaction) => {
    await sql`set local idle_in_transaction_session_timeout = '30min'`.execute(transaction);
    const { rows } = await sql<{ locked: boolean }>`
      select pg_try_advisory_xact_lock(hashtextextended(${`tenantry quarantine ${itemId}`}, 0)) as locked`.execute(
      transaction,
    );
    if (rows[0]?.locked !== true) {
      throw new TenancyError(
        "UNAVAILABLE",
        "Somebody else imports rows of this license out of quarantine just now.",
        {
          retryable: true,
          retryAfterSeconds: 2,
        },
      );
    }
    return work();
  });
}

/** Marks what an earlier retry has brought in before it died. */
async function settleEarlier(ctx: TenancyContext, pool: Pool, itemId: string, actor: string): Promise<void> {
  const unsettled = await ctx.control
    .selectFrom("quarantined_rows")
    .select("retried_in")
    .distinct()
    .where("item_id", "=", itemId)
    .where("state", "=", "open")
    .where("retried_in", "is not", null)
    .execute();
  for (const { retried_in } of unsettled) {
    if (retried_in === null) continue;
    const status = await retryStatus(pool, retried_in);
    if (status === "in progress") {
      throw new TenancyError("UNAVAILABLE", "An earlier import of rows out of quarantine isn't over yet.", {
        retryable: true,
        retryAfterSeconds: 5,
      });
    }
    if (status !== "committed") continue;
    await markImported(ctx, actor, (query) =>
      query.where("item_id", "=", itemId).where("retried_in", "=", retried_in),
    );
  }
}

function openRows(ctx: TenancyContext) {
  return ctx.control.updateTable("quarantined_rows").where("state", "=", "open");
}

async function markImported(
  ctx: TenancyContext,
  actor: string,
  which: (query: ReturnType<typeof openRows>) => ReturnType<typeof openRows>,
): Promise<void> {
  await which(openRows(ctx))
    .set({ state: "imported", changed_at: sql<Date>`now()`, changed_by: actor })
    .execute();
}

interface ReadyRow extends RetriedRow {
  /** The source column that was the trouble. */
  readonly column: string;
}

async function readRows(
  ctx: TenancyContext,
  itemId: string,
  candidates: readonly Candidate[],
  plan: ImportPlan,
): Promise<{ ready: ReadyRow[]; refused: RowRefusal[]; imported: number }> {
  const ready: ReadyRow[] = [];
  const refused: RowRefusal[] = [];
  let imported = 0;
  const tables = new Map(
    plan.tables.map(({ source, target }, index) => [JSON.stringify([source, target]), index]),
  );
  for (let from = 0; from < candidates.length; from += ROWS_AT_ONCE) {
    const batch = new Map(candidates.slice(from, from + ROWS_AT_ONCE).map((each) => [each.id, each]));
    const stored = await ctx.control
      .selectFrom("quarantined_rows")
      .select(["id", "state", "source_table", "target", "source_column", "row"])
      .where("item_id", "=", itemId)
      .where("id", "in", [...batch.keys()])
      .execute();
    for (const { id, state, source_table, target, source_column: column, row: original } of stored) {
      const index = tables.get(JSON.stringify([source_table, target])) ?? -1;
      const table = plan.tables[index];
      if (state === "imported") imported += 1;
      else if (state === "dismissed") refused.push(unable(id, "It was set aside for good."));
      else if (table === undefined) refused.push(unable(id, "Its table is in no plan of the file any more."));
      else {
        const row = batch.get(id)?.corrected ?? (original as Readonly<Record<string, LegacyValue>>);
        const foreign = refusedForOwner(id, table, row);
        const converted = convertRow(table, row);
        if (foreign !== null) refused.push(foreign);
        else if (converted.kind === "row") ready.push({ id, table: index, values: converted.values, column });
        else refused.push({ id, column: converted.column, code: converted.code, reason: converted.reason });
      }
    }
  }
  // By number: ids have no fixed length.
  ready.sort((a, b) => a.table - b.table || Number(a.id) - Number(b.id));
  return { ready, refused, imported };
}

/** As long as a round brings something in, what it refused may find what it refers to in the next. */
async function insertAll(
  ctx: TenancyContext,
  pool: Pool,
  { tenant, blueprint, plan }: RetryTarget,
  rows: readonly ReadyRow[],
  actor: string,
): Promise<ItemRetry> {
  const columns = new Map(rows.map(({ id, column }) => [id, column]));
  let waiting = rows;
  let refused: RowRefusal[] = [];
  let imported = 0;
  for (let before = -1; waiting.length > 0 && waiting.length !== before; ) {
    before = waiting.length;
    refused = [];
    for (let from = 0; from < waiting.length; from += ROWS_AT_ONCE) {
      const outcome = await insertRetried(pool, {
        tenantId: tenant.id,
        schema: tenant.schema_name,
        blueprint,
        plan,
        rows: waiting.slice(from, from + ROWS_AT_ONCE),
        beforeCommit: async (retried_in, ids) => {
          await openRows(ctx)
            .set({ retried_in })
            .where("id", "in", [...ids])
            .execute();
        },
      }).catch((error: unknown) => {
        throw provisioningError(tenant, error);
      });
      if (outcome.kind === "no-tenant") {
        throw new TenancyError("TENANT_NOT_READY", "The license's tenant isn't there any more.");
      }
      const { inserted } = outcome;
      if (inserted.length > 0)
        await markImported(ctx, actor, (query) => query.where("id", "in", [...inserted]));
      imported += inserted.length;
      refused.push(...outcome.refused.map((each) => refusedByDatabase(each, columns.get(each.id) ?? "")));
    }
    const left = new Set(refused.map(({ id }) => id));
    waiting = waiting.filter(({ id }) => left.has(id));
  }
  return { imported, refused };
}

/** A file's description is only needed to read its rows by. */
async function forgetDescription(ctx: TenancyContext, itemId: string): Promise<void> {
  await sql`
    update tenantry.legacy_items set description = null
    where id = ${itemId} and description is not null
      and not exists (select from tenantry.quarantined_rows where item_id = ${itemId} and state = 'open')`.execute(
    ctx.control,
  );
}

function unable(id: string, reason: string): RowRefusal {
  return { id, column: "", code: "refused", reason };
}
