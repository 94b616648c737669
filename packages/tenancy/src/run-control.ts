import { CONTROL_SCHEMA, type ControlDatabase } from "@tenantry/schema";
import { sql } from "kysely";
import { TenancyError } from "./errors.ts";
import { isFinished } from "./operation-state.ts";
import type { LabelledOperationRow } from "./operation-view.ts";
import { nextTenantState } from "./tenant-state.ts";

/**
 * One change of a run at a time. Not by the run's row: whoever ends a child holds the child's row while it waits for the
 * run's, so the children have to be locked first.
 */
export async function lockRun(transaction: ControlDatabase, id: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`tenantry run ${id}`}, 0))`.execute(transaction);
}

/**
 * Cancels what waits of a run, and asks what runs to stop. The database then ends the run with its last child: here, if
 * none was running.
 *
 * @throws TenancyError STATE_CONFLICT when the run has ended.
 */
export async function cancelRun(transaction: ControlDatabase, run: LabelledOperationRow): Promise<void> {
  if (isFinished(run.state)) throw new TenancyError("STATE_CONFLICT", `The run is already ${run.state}.`);
  const schema = sql.id(CONTROL_SCHEMA);
  const failed = nextTenantState("provisioning", "provisioning-failed");
  // What a child's state is is asked under its lock, so that one which a worker has just taken is asked to stop. The
  // count forces the order: all the children first, then the run.
  await sql`
    with child as (
      update ${schema}.operations set
        cancel_requested_at = now(),
        finished_at = case when state = 'queued' then now() end,
        step = case when state = 'queued' then 'canceled' else step end,
        message = case when state = 'queued' then 'Canceled' else 'Cancellation requested' end,
        state = case when state = 'queued' then 'canceled' else state end
      where parent_id = ${run.id} and state in ('queued', 'running')
      returning id, kind, state, license_id
    ), event as (
      insert into ${schema}.operation_events (operation_id, type, actor)
      select id, case when state = 'canceled' then 'canceled' else 'cancel_requested' end, 'run' from child
    ), tenant as (
      update ${schema}.tenants set state = ${failed}
      from child
      where child.state = 'canceled' and tenants.license_id = child.license_id and tenants.state = 'provisioning'
        and (child.kind = 'create-tenant' or child.kind = 'migrate-legacy' and exists (
          select from ${schema}.legacy_items
          where legacy_items.operation_id = child.id and legacy_items.tenant_id = tenants.id))
    ), backup as (
      update ${schema}.backups set state = 'gone', gone_at = now()
      from child
      where child.state = 'canceled' and backups.operation_id = child.id and backups.state = 'making'
    )
    update ${schema}.operations set cancel_requested_at = now()
    where id = ${run.id} and (select count(*) from child) >= 0`.execute(transaction);
}

/**
 * Puts a run's failed and canceled children back, to be done again, and so opens the run again. Those that were refused
 * for their faults stay: nothing is kept of them that could be done; and those whose tenant has been deleted since.
 *
 * @throws TenancyError STATE_CONFLICT when there is none.
 */
export async function retryRun(transaction: ControlDatabase, run: LabelledOperationRow): Promise<void> {
  const schema = sql.id(CONTROL_SCHEMA);
  const again = nextTenantState("failed", "provisioning-retried");
  const { rows } = await sql<{ retried: number }>`
    with child as (
      update ${schema}.operations set
        state = 'queued', attempts_before = attempts, error = null, finished_at = null, cancel_requested_at = null,
        worker = null, heartbeat_at = null, enqueued_at = null, available_at = now(),
        percent = 0, step = 'queued', message = 'Waiting for a worker'
      where parent_id = ${run.id} and state in ('failed', 'canceled')
        and error ->> 'code' is distinct from 'VALIDATION_FAILED'
        and not exists (
          select from ${schema}.tenants
          where tenants.license_id = operations.license_id and tenants.state in ('deleting', 'deleted'))
        and not exists (
          select from ${schema}.legacy_items where legacy_items.operation_id = operations.id and legacy_items.refused)
      returning id, kind, license_id
    ), event as (
      insert into ${schema}.operation_events (operation_id, type, actor) select id, 'retried', 'run' from child
    ), tenant as (
      update ${schema}.tenants set state = ${again}
      from child
      where child.kind = 'create-tenant' and tenants.license_id = child.license_id and tenants.state = 'failed'
    ), backup as (
      update ${schema}.backups set state = 'making', gone_at = null
      from child
      where backups.operation_id = child.id and backups.state = 'gone' and backups.archive_id is null
    ), wanted as (
      update ${schema}.operations set cancel_requested_at = null
      where id = ${run.id} and (select count(*) from child) > 0
    )
    select count(*)::integer as retried from child`.execute(transaction);
  if ((rows[0]?.retried ?? 0) === 0) {
    throw new TenancyError(
      "STATE_CONFLICT",
      "The run has no failed or canceled child that could be done again.",
      {
        hint: "Send the items that were refused again, corrected, in a new request.",
      },
    );
  }
}
