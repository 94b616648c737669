import { sql } from "kysely";
import type { NamedMigration } from "../../blueprint/define.ts";

/**
 * Runs: operations whose work is done by children. A run has no job and no worker; the database counts its children and
 * ends it with the last, whichever statement of whichever process ended that one.
 */
export const runs: NamedMigration = {
  name: "0006_runs",
  async up(db) {
    await sql`alter table operations drop constraint operations_kind_check`.execute(db);
    await sql`
      alter table operations
        add constraint operations_kind_check check (kind in
          ('create-tenant', 'delete-tenant', 'migrate-legacy', 'backup', 'verify-backup', 'restore', 'migrate-fleet',
           'create-licenses', 'change-licenses', 'change-license')),
        -- Null for an operation that is no run.
        add column children integer check (children >= 0),
        add column children_succeeded integer not null default 0 check (children_succeeded >= 0),
        add column children_failed integer not null default 0 check (children_failed >= 0),
        add column children_canceled integer not null default 0 check (children_canceled >= 0)`.execute(db);
    // The children of a run by state: those that run are counted when somebody asks.
    await sql`drop index operations_parent_id_idx`.execute(db);
    await sql`create index operations_of_run on operations (parent_id, state) where parent_id is not null`.execute(
      db,
    );

    // The run's row is locked for as long as the transaction that ended a child lasts, so that two last children see
    // each other. Whoever changes a run and children of it in one transaction has to lock the children first.
    await sql`
      create function settle_run(run_id uuid, added integer, succeeded integer, failed integer, canceled integer)
      returns void language plpgsql set search_path from current as $$
      declare
        run operations%rowtype;
        ended integer;
        summary text;
      begin
        select * into strict run from operations where id = run_id for no key update;
        run.children := coalesce(run.children, 0) + added;
        run.children_succeeded := run.children_succeeded + succeeded;
        run.children_failed := run.children_failed + failed;
        run.children_canceled := run.children_canceled + canceled;
        ended := run.children_succeeded + run.children_failed + run.children_canceled;
        summary := concat_ws(', ',
          case when run.children_succeeded > 0 then run.children_succeeded || ' succeeded' end,
          case when run.children_failed > 0 then run.children_failed || ' failed' end,
          case when run.children_canceled > 0 then run.children_canceled || ' canceled' end);
        run.state := case
          when ended < run.children then 'running'
          when run.cancel_requested_at is not null and run.children_canceled > 0 then 'canceled'
          else 'succeeded' end;
        update operations set
          children = run.children,
          children_succeeded = run.children_succeeded,
          children_failed = run.children_failed,
          children_canceled = run.children_canceled,
          done = ended,
          total = run.children,
          percent = case when run.children = 0 then 100 else 100 * ended::bigint / run.children end,
          message = case when summary = '' then 'Waiting for workers' else summary end,
          state = run.state,
          finished_at = case when run.state <> 'running' then now() end,
          result = case when run.state <> 'running' then jsonb_build_object(
            'succeeded', run.children_succeeded,
            'failed', run.children_failed,
            'canceled', run.children_canceled) end
        where id = run_id;
        if run.state <> 'running' then
          insert into operation_events (operation_id, type, actor) values (run_id, run.state, 'run');
        end if;
      end $$`.execute(db);

    await sql`
      create function count_new_children() returns trigger language plpgsql set search_path from current as $$
      declare
        added record;
      begin
        for added in
          select
            parent_id,
            count(*)::integer as children,
            count(*) filter (where state = 'succeeded')::integer as succeeded,
            count(*) filter (where state = 'failed')::integer as failed,
            count(*) filter (where state = 'canceled')::integer as canceled
          from new_rows
          where parent_id is not null
          group by parent_id
          order by parent_id
        loop
          perform settle_run(added.parent_id, added.children, added.succeeded, added.failed, added.canceled);
        end loop;
        return null;
      end $$`.execute(db);
    await sql`
      create trigger count_new_children after insert on operations
        referencing new table as new_rows
        for each statement execute function count_new_children()`.execute(db);

    // A child that is done again takes its count back, and opens its run again.
    await sql`
      create function count_changed_children() returns trigger language plpgsql set search_path from current as $$
      declare
        change record;
      begin
        for change in
          select
            parent_id,
            coalesce(sum(n) filter (where state = 'succeeded'), 0)::integer as succeeded,
            coalesce(sum(n) filter (where state = 'failed'), 0)::integer as failed,
            coalesce(sum(n) filter (where state = 'canceled'), 0)::integer as canceled
          from (
            select parent_id, state, 1 as n from new_rows where parent_id is not null
            union all
            select parent_id, state, -1 from old_rows where parent_id is not null
          ) as changes
          group by parent_id
          order by parent_id
        loop
          if change.succeeded <> 0 or change.failed <> 0 or change.canceled <> 0 then
            perform settle_run(change.parent_id, 0, change.succeeded, change.failed, change.canceled);
          end if;
        end loop;
        return null;
      end $$`.execute(db);
    await sql`
      create trigger count_changed_children after update on operations
        referencing old table as old_rows new table as new_rows
        for each statement execute function count_changed_children()`.execute(db);

    await sql`
      revoke all on function settle_run(uuid, integer, integer, integer, integer), count_new_children(),
        count_changed_children() from public`.execute(db);
  },
};
