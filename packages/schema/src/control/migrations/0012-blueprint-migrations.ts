import { sql } from "kysely";
import type { NamedMigration } from "../../blueprint/define.ts";

/** What the migrations of an installation's own blueprints consisted of when tenants were made with them. */
export const blueprintMigrations: NamedMigration = {
  name: "0012_blueprint_migrations",
  async up(db) {
    await sql`
      create table blueprint_migrations (
        blueprint varchar(31) not null,
        name varchar(255) not null,
        content char(64) not null,
        recorded_at timestamptz not null default now(),
        primary key (blueprint, name)
      )`.execute(db);
  },
};
