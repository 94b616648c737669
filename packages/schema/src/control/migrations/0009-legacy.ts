import { sql } from "kysely";
import type { NamedMigration } from "../../blueprint/define.ts";

/** What a migration of legacy licenses knows: its plan, what became of each license, and the rows that wait in quarantine. */
export const legacy: NamedMigration = {
  name: "0009_legacy",
  async up(db) {
    await sql`
      create table legacy_runs (
        operation_id uuid primary key references operations (id),
        blueprint varchar(31) not null,
        root text not null,
        findings jsonb not null,
        planned_at timestamptz not null
      )`.execute(db);

    // `operation_id` is the child that moves it; a plan alone has none. `tenant_id` is the tenant that this item makes or has
    // made: no two items may make the same. `refused` says that nothing can be tried again, only planned again. Hash, kept rows and description are taken out as soon as nobody needs them.
    await sql`
      create table legacy_items (
        id uuid primary key,
        run_id uuid not null references operations (id),
        position integer not null,
        operation_id uuid unique references operations (id),
        tenant_id uuid unique references tenants (id),
        name text not null,
        source text not null,
        license_key varchar(64),
        client_name text not null,
        facts jsonb,
        admin_password_hash varchar(256),
        kept jsonb,
        file text,
        sha256 varchar(64),
        bytes bigint,
        description jsonb,
        foresight varchar(10) not null check (foresight in ('import', 'create', 'skip', 'refuse')),
        planned jsonb,
        rows_planned bigint not null default 0,
        error jsonb,
        refused boolean not null default false check (not refused or error is not null),
        notes jsonb not null default '[]',
        outcome varchar(10) check (outcome in ('imported', 'created', 'skipped')),
        report jsonb,
        rows_done bigint not null default 0,
        quarantined bigint not null default 0,
        unique (run_id, position)
      )`.execute(db);
    // What imports took lately, for estimates.
    await sql`create index legacy_items_imported on legacy_items (id) where outcome = 'imported'`.execute(db);

    // `retried_in` is the transaction on the placement that is about to bring the row in, or has. Rows are json, not jsonb: their columns stay in the file's order.
    await sql`
      create table quarantined_rows (
        id bigint generated always as identity primary key,
        run_id uuid not null references operations (id),
        item_id uuid not null references legacy_items (id) on delete cascade,
        source_table text not null,
        target text not null,
        row_id text not null,
        source_column text not null,
        code varchar(20) not null,
        reason text not null,
        "row" json not null,
        retried_in text,
        state varchar(10) not null default 'open' check (state in ('open', 'imported', 'dismissed')),
        changed_at timestamptz,
        changed_by varchar(120),
        check ((state = 'open') = (changed_at is null))
      )`.execute(db);
    await sql`create index on quarantined_rows (run_id, id)`.execute(db);
    await sql`create index on quarantined_rows (item_id, source_table, id)`.execute(db);
  },
};
