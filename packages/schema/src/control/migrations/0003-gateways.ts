import { sql } from "kysely";
import type { NamedMigration } from "../../blueprint/define.ts";

export const gateways: NamedMigration = {
  name: "0003_gateways",
  async up(db) {
    // A tenant's number says which gateway serves it. Given once and never again, so the gateway never changes.
    await sql`alter table tenants add column ordinal integer not null generated always as identity`.execute(
      db,
    );
    await sql`create unique index on tenants (ordinal)`.execute(db);

    // Tenants made before have their rights in the older form (docs/adr/0005); `adoptTenants` brings them over.
    await sql`alter table tenants add column access_version smallint not null default 1`.execute(db);
    await sql`alter table tenants alter column access_version set default 2`.execute(db);
    await sql`create index tenants_to_adopt on tenants (id) where access_version < 2`.execute(db);

    // CVE-2018-1058, and no temporary tables for those who have no business with them. Where the database belongs to
    // somebody else this changes nothing, with a warning; `tenantry doctor --isolation` says what is left to do.
    await sql`do $$ begin
      if to_regnamespace('public') is not null then revoke all on schema public from public; end if;
      execute format('revoke temporary on database %I from public', current_database());
    exception when insufficient_privilege then null;
    end $$`.execute(db);
  },
};
