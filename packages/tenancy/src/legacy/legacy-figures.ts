import type { LegacyForesight, LegacyOutcome } from "@tenantry/schema";
import { sql } from "kysely";
import type { TenancyContext } from "../context.ts";
import type { LegacyItemState } from "./legacy-item.ts";
import { getLegacyRun } from "./legacy-run.ts";
import { ROWS_PER_TENANT } from "./pace.ts";

/** How far a legacy migration is. */
export interface LegacyRunFigures {
  readonly licenses: Readonly<Record<LegacyItemState | "total", number>>;
  readonly foresight: Readonly<Record<LegacyForesight, number>>;
  readonly outcomes: Readonly<Record<LegacyOutcome, number>>;
  readonly rows: {
    /** Of licenses that are, or were, to be imported. */
    readonly planned: number;
    /** In tenants, or on their way into one just now. */
    readonly done: number;
    readonly quarantined: number;
  };
  /** Of those who work now; of the whole run when it has ended. Null before the first row. */
  readonly rowsPerSecond: number | null;
  /** Null unless it runs and something can be said. */
  readonly estimatedEnd: string | null;
  readonly findings: number;
}

/** Work that ended longer ago says nothing of today's pace. Seconds. */
const PACE_SECONDS = 120;

/**
 * How a legacy migration stands. Costs one look at each of its licenses.
 *
 * @throws TenancyError OPERATION_NOT_FOUND
 */
export async function legacyRunFigures(ctx: TenancyContext, runId: string): Promise<LegacyRunFigures> {
  const { operation } = await getLegacyRun(ctx, runId);
  const { rows } = await sql<Counted>`
    with item as (
      select i.foresight, i.outcome, i.quarantined, i.rows_planned, o.started_at, o.finished_at,
        coalesce(o.state, 'planned') as state,
        case when o.state = 'running' then o.done else i.rows_done end as rows_done,
        o.state = 'running'
          or (o.state = 'succeeded' and (${operation.finished_at !== null}::boolean
            or o.finished_at > now() - ${PACE_SECONDS} * interval '1 second')) as paces
      from tenantry.legacy_items i left join tenantry.operations o on o.id = i.operation_id
      where i.run_id = ${runId}
    )
    select
      (select coalesce(jsonb_object_agg(state, n), '{}') from (select state, count(*) n from item group by 1) s) as states,
      (select coalesce(jsonb_object_agg(foresight, n), '{}') from (select foresight, count(*) n from item group by 1) f)
        as foresight,
      (select coalesce(jsonb_object_agg(outcome, n), '{}')
        from (select outcome, count(*) n from item where outcome is not null group by 1) u) as outcomes,
      coalesce(sum(rows_planned) filter (where foresight = 'import' and outcome is distinct from 'skipped'), 0)::float8
        as planned,
      coalesce(sum(rows_done), 0)::float8 as done,
      coalesce(sum(quarantined), 0)::float8 as quarantined,
      coalesce(sum(rows_done) filter (where paces), 0)::float8 as pace_rows,
      coalesce(count(*) filter (where paces and outcome in ('imported', 'created')), 0)::float8 as pace_tenants,
      extract(epoch from coalesce(max(finished_at) filter (where not exists
          (select from item where state in ('queued', 'running'))), now())
        - min(started_at) filter (where paces))::float8 as pace_seconds,
      coalesce(sum(rows_planned) filter (where state in ('queued', 'running')), 0)::float8
        - coalesce(sum(rows_done) filter (where state = 'running'), 0)::float8 as rows_left,
      count(*) filter (where state in ('queued', 'running'))::float8 as tenants_left,
      (select jsonb_array_length(findings) from tenantry.legacy_runs where operation_id = ${runId}) as findings
    from item`.execute(ctx.control);
  const counted = rows[0];
  if (counted === undefined) throw new Error("an aggregate has no row");
  return toFigures(counted, operation.finished_at !== null);
}

interface Counted {
  readonly states: Partial<Record<LegacyItemState, number>>;
  readonly foresight: Partial<Record<LegacyForesight, number>>;
  readonly outcomes: Partial<Record<LegacyOutcome, number>>;
  readonly planned: number;
  readonly done: number;
  readonly quarantined: number;
  readonly pace_rows: number;
  readonly pace_tenants: number;
  readonly pace_seconds: number | null;
  readonly rows_left: number;
  readonly tenants_left: number;
  readonly findings: number | null;
}

function toFigures(counted: Counted, ended: boolean): LegacyRunFigures {
  const { states, pace_rows: rows, pace_seconds: seconds } = counted;
  const licenses = { planned: 0, queued: 0, running: 0, succeeded: 0, failed: 0, canceled: 0, ...states };
  const total = Object.values(licenses).reduce((sum, count) => sum + count, 0);
  return {
    licenses: { total, ...licenses },
    foresight: { import: 0, create: 0, skip: 0, refuse: 0, ...counted.foresight },
    outcomes: { imported: 0, created: 0, skipped: 0, ...counted.outcomes },
    rows: { planned: counted.planned, done: counted.done, quarantined: counted.quarantined },
    rowsPerSecond: rows > 0 && seconds !== null && seconds > 0 ? Math.round(rows / seconds) : null,
    estimatedEnd: ended ? null : estimatedEnd(counted),
    findings: counted.findings ?? 0,
  };
}

function estimatedEnd(counted: Counted): string | null {
  const { pace_seconds: seconds, tenants_left: left } = counted;
  const paced = counted.pace_rows + counted.pace_tenants * ROWS_PER_TENANT;
  if (seconds === null || seconds <= 0 || paced <= 0 || left === 0) return null;
  const work = Math.max(0, counted.rows_left) + left * ROWS_PER_TENANT;
  return new Date(Date.now() + (work / paced) * seconds * 1_000).toISOString();
}
