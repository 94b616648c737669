import { sql } from "kysely";
import type { NamedMigration } from "../../blueprint/define.ts";

/** Lengths are those that the HTTP API accepts or wider: legacy licenses carry over as they are. */
export const licensesTenantsOperations: NamedMigration = {
  name: "0001_licenses_tenants_operations",
  async up(db) {
    await sql`
      create table licenses (
        id uuid primary key,
        key varchar(64) not null unique,
        client_name varchar(256) not null,
        email varchar(254),
        phone varchar(40),
        company varchar(256),
        license_type varchar(20) not null
          check (license_type in ('trial', 'monthly', 'quarterly', 'semi_annual', 'yearly', 'lifetime')),
        max_users integer not null check (max_users >= 1),
        max_branches integer not null check (max_branches >= 1),
        blueprint varchar(31) not null,
        parameters jsonb not null default '{}',
        is_active boolean not null default true,
        suspended_at timestamptz,
        suspension_reason text,
        notes text,
        admin_username varchar(64),
        admin_password_hash varchar(256),
        created_at timestamptz not null,
        activated_at timestamptz,
        expires_at timestamptz,
        check (suspended_at is not null or suspension_reason is null)
      )`.execute(db);

    await sql`
      create table tenants (
        id uuid primary key,
        license_id uuid not null unique references licenses (id),
        blueprint varchar(31) not null,
        version varchar(255),
        schema_name varchar(63) not null,
        role_name varchar(63) not null unique,
        placement varchar(63) not null,
        state varchar(12) not null check (state in ('provisioning', 'ready', 'failed', 'deleting', 'deleted')),
        created_at timestamptz not null,
        ready_at timestamptz,
        check (state <> 'ready' or (version is not null and ready_at is not null)),
        unique (placement, schema_name)
      )`.execute(db);
    // "Who is behind?" is a range of this index.
    await sql`create index on tenants (blueprint, version) where state = 'ready'`.execute(db);

    await sql`
      create table schema_counters (
        blueprint varchar(31) primary key,
        last integer not null
      )`.execute(db);

    await sql`
      create table api_keys (
        id uuid primary key,
        name varchar(100) not null,
        token_hash bytea not null unique,
        scopes text[] not null,
        created_at timestamptz not null default now(),
        last_used_at timestamptz,
        revoked_at timestamptz
      )`.execute(db);

    // Answers are json, not jsonb: a repeated request gets the first answer again to the byte, members in their order.
    await sql`
      create table operations (
        id uuid primary key,
        kind varchar(20) not null check (kind in
          ('create-tenant', 'delete-tenant', 'migrate-legacy', 'backup', 'verify-backup', 'restore', 'migrate-fleet')),
        state varchar(10) not null check (state in ('queued', 'running', 'succeeded', 'failed', 'canceled')),
        license_id uuid references licenses (id),
        parent_id uuid references operations (id),
        api_key_id uuid references api_keys (id),
        idempotency_key varchar(255),
        request_hash bytea,
        answer json,
        input jsonb not null default '{}',
        attempts integer not null default 0,
        attempts_before integer not null default 0,
        worker varchar(100),
        heartbeat_at timestamptz,
        available_at timestamptz not null default now(),
        enqueued_at timestamptz,
        cancel_requested_at timestamptz,
        revision integer not null default 0,
        percent smallint not null default 0 check (percent between 0 and 100),
        step varchar(40) not null default 'queued',
        message text not null default '',
        done bigint not null default 0,
        total bigint not null default 0,
        result jsonb,
        error jsonb,
        created_at timestamptz not null default now(),
        started_at timestamptz,
        finished_at timestamptz,
        check ((state in ('succeeded', 'failed', 'canceled')) = (finished_at is not null)),
        check (state <> 'failed' or error is not null),
        check ((idempotency_key is null) or (api_key_id is not null and request_hash is not null)),
        unique (api_key_id, idempotency_key)
      )`.execute(db);
    // Whatever a watcher should see gets a new revision and wakes those who listen, whichever statement changed it.
    await sql`
      create function announce_operation() returns trigger language plpgsql as $$
      begin
        new.revision := old.revision + 1;
        perform pg_notify('tenantry_operation', new.id || ' ' || new.state);
        return new;
      end $$`.execute(db);
    await sql`
      create trigger announce_changed_operation before update on operations
        for each row when (
          (old.state, old.percent, old.step, old.message, old.done, old.total, old.cancel_requested_at) is distinct from
          (new.state, new.percent, new.step, new.message, new.done, new.total, new.cancel_requested_at)
        ) execute function announce_operation()`.execute(db);
    await sql`create index on operations (license_id)`.execute(db);
    await sql`create index on operations (parent_id) where parent_id is not null`.execute(db);
    // The dispatcher and the readiness check look only at work that isn't finished.
    await sql`create index operations_unfinished on operations (state, enqueued_at) where state in ('queued', 'running')`.execute(
      db,
    );

    await sql`
      create table operation_events (
        id bigint generated always as identity primary key,
        operation_id uuid not null references operations (id),
        at timestamptz not null default clock_timestamp(),
        type varchar(20) not null check (type in
          ('accepted', 'started', 'retrying', 'succeeded', 'failed', 'retried', 'cancel_requested', 'canceled')),
        actor varchar(120) not null,
        data jsonb not null default '{}',
        answer json,
        api_key_id uuid references api_keys (id),
        idempotency_key varchar(255),
        request_hash bytea,
        unique (api_key_id, idempotency_key)
      )`.execute(db);
    await sql`create index on operation_events (operation_id, id)`.execute(db);
  },
};
