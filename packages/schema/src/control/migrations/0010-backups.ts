import { sql } from "kysely";
import type { NamedMigration } from "../../blueprint/define.ts";

/** Backups, what restores and moves have put aside, and the runs that the schedule has begun. */
export const backups: NamedMigration = {
  name: "0010_backups",
  async up(db) {
    await sql`
      alter table operations
        drop constraint operations_kind_check,
        add constraint operations_kind_check check (kind in
          ('create-tenant', 'delete-tenant', 'migrate-legacy', 'backup', 'verify-backup', 'restore', 'move-tenant',
           'migrate-fleet', 'create-licenses', 'change-licenses', 'change-license'))`.execute(db);
    await sql`
      alter table license_events
        drop constraint license_events_type_check,
        add constraint license_events_type_check check (type in
          ('created', 'changed', 'suspended', 'resumed', 'activated', 'deactivated', 'extended', 'deleted',
           'restored', 'moved', 'erased'))`.execute(db);
    await sql`alter table licenses add column erased_at timestamptz`.execute(db);
    await sql`create index licenses_erased on licenses (erased_at) where erased_at is not null`.execute(db);

    // `archive_id` is the id inside the file: each attempt writes its own. `license_key` is the key as it was; a backup that
    // was brought in from elsewhere may be of a license that isn't here.
    await sql`
      create table backups (
        id uuid primary key,
        operation_id uuid not null references operations (id),
        kind varchar(8) not null check (kind in ('tenant', 'control', 'last')),
        state varchar(8) not null default 'making' check (state in ('making', 'ready', 'gone')),
        license_id uuid references licenses (id),
        license_key varchar(64),
        created_at timestamptz not null default now(),
        archive_id uuid unique,
        name text unique,
        tenant_id uuid,
        schema_name varchar(63),
        blueprint varchar(31),
        version varchar(255),
        bytes bigint,
        rows bigint,
        tables integer,
        sha256 varchar(64),
        key_id varchar(16),
        signed boolean not null default false,
        taken_at timestamptz,
        checked_at timestamptz,
        verified_at timestamptz,
        trouble jsonb,
        gone_at timestamptz,
        check ((kind = 'control') = (license_key is null)),
        check (state <> 'ready' or (archive_id is not null and name is not null and bytes is not null and rows is not null
          and tables is not null and sha256 is not null and taken_at is not null)),
        check ((state = 'gone') = (gone_at is not null))
      )`.execute(db);
    await sql`create index on backups (license_id, id)`.execute(db);
    await sql`create index on backups (license_key, id)`.execute(db);
    await sql`create index on backups (operation_id)`.execute(db);
    await sql`create index backups_of_control_data on backups (id) where kind = 'control'`.execute(db);

    // An archive that somebody is writing, or has begun to write and left: noted before its first byte. What a store holds
    // without a row here or above belongs to somebody else, and stays.
    await sql`
      create table backup_attempts (
        archive_id uuid primary key,
        backup_id uuid not null references backups (id),
        attempt integer not null,
        name text not null,
        began_at timestamptz not null default now()
      )`.execute(db);
    await sql`create index on backup_attempts (backup_id)`.execute(db);

    // `license_id` and `tenant_id` are those that it comes back into.
    await sql`
      create table restores (
        operation_id uuid primary key references operations (id),
        backup_id uuid not null references backups (id),
        mode varchar(8) not null check (mode in ('replace', 'copy')),
        license_id uuid not null references licenses (id),
        tenant_id uuid not null references tenants (id)
      )`.execute(db);

    // `drop_after` is null for one that stays until somebody confirms.
    await sql`
      create table kept_schemas (
        id uuid primary key,
        license_id uuid not null references licenses (id),
        tenant_id uuid not null references tenants (id),
        placement varchar(63) not null,
        schema_name varchar(63) not null,
        operation_id uuid not null references operations (id),
        reason varchar(8) not null check (reason in ('restore', 'move')),
        kept_at timestamptz not null default now(),
        drop_after timestamptz,
        unique (placement, schema_name)
      )`.execute(db);

    // What a rebuilt installation has to bring back of its tenants, or has. `trouble` says why one is still lost.
    await sql`
      create table rebuilt_tenants (
        tenant_id uuid primary key references tenants (id),
        former_state varchar(12) not null check (former_state in ('ready', 'provisioning')),
        rebuilt_at timestamptz,
        taken_at timestamptz,
        rows bigint,
        trouble text
      )`.execute(db);

    await sql`
      create table scheduled_runs (
        schedule varchar(20) not null,
        due_at timestamptz not null,
        operation_id uuid not null references operations (id),
        primary key (schedule, due_at)
      )`.execute(db);
  },
};
