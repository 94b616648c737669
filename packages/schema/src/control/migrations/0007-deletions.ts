import { sql } from "kysely";
import type { NamedMigration } from "../../blueprint/define.ts";

export const deletions: NamedMigration = {
  name: "0007_deletions",
  async up(db) {
    await sql`
      create table deletions (
        operation_id uuid primary key references operations (id),
        tenant_id uuid not null references tenants (id),
        former_state varchar(12) not null check (former_state in ('ready', 'failed')),
        backup jsonb,
        drop_began_at timestamptz,
        deleted_at timestamptz,
        check (deleted_at is null or drop_began_at is not null)
      )`.execute(db);
    await sql`create index on deletions (tenant_id)`.execute(db);
  },
};
