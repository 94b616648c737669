import { sql } from "kysely";
import type { NamedMigration } from "../../blueprint/define.ts";

/** Fleet migrations: which tenants each brings to a new version, in waves, and what became of every one. */
export const fleet: NamedMigration = {
  name: "0014_fleet",
  async up(db) {
    await sql`
      create table fleet_runs (
        operation_id uuid primary key references operations (id),
        blueprint varchar(31) not null,
        version varchar(255) not null,
        max_failures varchar(20) not null,
        growth integer not null default 4 check (growth >= 1),
        waves integer[],
        wave integer not null default 0 check (wave >= 0),
        forgiven integer not null default 0 check (forgiven >= 0),
        pause_requested_at timestamptz,
        paused_at timestamptz,
        pause_reason text,
        check ((paused_at is null) = (pause_reason is null))
      )`.execute(db);
    await sql`create index fleet_runs_by_blueprint on fleet_runs (blueprint, operation_id)`.execute(db);

    await sql`
      create table fleet_items (
        run_id uuid not null references fleet_runs (operation_id),
        tenant_id uuid not null references tenants (id),
        wave integer not null check (wave >= 0),
        state varchar(8) not null default 'pending' check (state in ('pending', 'done', 'failed', 'skipped')),
        from_version varchar(255),
        found boolean not null default false,
        attempts integer not null default 0,
        duration_ms integer,
        error jsonb,
        ended_at timestamptz,
        primary key (run_id, tenant_id),
        check ((state = 'pending') = (ended_at is null)),
        check ((state = 'failed') = (error is not null))
      )`.execute(db);
    // What is left of a wave, and the list by state, are ranges of it.
    await sql`create index fleet_items_by_state on fleet_items (run_id, state, wave, tenant_id)`.execute(db);
    await sql`create index fleet_items_of_tenant on fleet_items (tenant_id)`.execute(db);

    await sql`alter table operation_events drop constraint operation_events_type_check`.execute(db);
    await sql`
      alter table operation_events add constraint operation_events_type_check check (type in
        ('accepted', 'started', 'retrying', 'succeeded', 'failed', 'retried', 'cancel_requested', 'canceled',
         'pause_requested', 'paused', 'resumed'))`.execute(db);
  },
};
