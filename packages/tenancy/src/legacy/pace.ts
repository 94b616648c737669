import { sql } from "kysely";
import type { TenancyContext } from "../context.ts";

/** What a license costs beside its rows, in rows: its schema, tables, role. */
export const ROWS_PER_TENANT = 10_000;
/** Imports that say how fast it goes here. */
const LATEST = 100;
/** Until something was imported here: rows that one of a worker's imports copies in a second. */
const GUESSED_ROWS_PER_SECOND = 25_000;

/** How long that work would take one worker that does nothing else, in seconds, by what imports took here lately. */
export async function estimateSeconds(
  ctx: TenancyContext,
  work: { readonly rows: number; readonly tenants: number },
): Promise<number> {
  if (work.tenants === 0) return 0;
  const { rows } = await sql<{ rows: number; seconds: number }>`
    select
      coalesce(sum(item.rows_done + ${ROWS_PER_TENANT}), 0)::float8 as rows,
      coalesce(sum(extract(epoch from o.finished_at - o.started_at)), 0)::float8 as seconds
    from (
      select operation_id, rows_done from tenantry.legacy_items
      where outcome = 'imported' order by id desc limit ${LATEST}
    ) as item
    -- Of one that was tried again, the waiting counts with it.
    join tenantry.operations o on o.id = item.operation_id and o.attempts = 1`.execute(ctx.control);
  const measured = rows[0];
  const pace =
    measured === undefined || measured.seconds === 0
      ? GUESSED_ROWS_PER_SECOND
      : measured.rows / measured.seconds;
  const lanes = Math.min(ctx.legacy.atOnce, work.tenants);
  return Math.ceil((work.rows + work.tenants * ROWS_PER_TENANT) / pace / lanes);
}
