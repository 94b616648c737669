import { sql } from "kysely";
import type { NamedMigration } from "../../blueprint/define.ts";

/** The PostgreSQL servers that tenants live on, and what moves between them have to know. */
export const placements: NamedMigration = {
  name: "0011_placements",
  async up(db) {
    // `url` is sealed; it is null for the server that this schema is on.
    await sql`
      create table placements (
        name varchar(63) primary key,
        url bytea,
        draining boolean not null default false,
        added_at timestamptz not null default now(),
        added_by varchar(120) not null,
        check ((name = 'default') = (url is null))
      )`.execute(db);
    await sql`insert into placements (name, added_by) values ('default', 'installation')`.execute(db);
    await sql`
      alter table tenants add constraint tenants_placement_fkey foreign key (placement) references placements (name)`.execute(
      db,
    );

    // Tenants are counted by placement whenever one more has to go somewhere.
    await sql`create index tenants_by_placement on tenants (placement) where state <> 'deleted'`.execute(db);

    await sql`
      create table moves (
        operation_id uuid primary key references operations (id),
        license_id uuid not null references licenses (id),
        tenant_id uuid not null references tenants (id),
        "from" varchar(63) not null references placements (name),
        "to" varchar(63) not null references placements (name),
        closed_at timestamptz
      )`.execute(db);
    await sql`create index moves_by_tenant on moves (tenant_id)`.execute(db);
    await sql`create index moves_by_license on moves (license_id)`.execute(db);
  },
};
