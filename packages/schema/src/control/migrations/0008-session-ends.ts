import { sql } from "kysely";
import type { NamedMigration } from "../../blueprint/define.ts";

/** A session that is ended before its time is told to those who keep licenses in memory; one that has run out needs no word. */
export const sessionEnds: NamedMigration = {
  name: "0008_session_ends",
  async up(db) {
    await sql`
      create function announce_license_of_session() returns trigger language plpgsql set search_path = '' as $$
      begin
        perform pg_notify('tenantry_license', old.license_id::text);
        return null;
      end $$`.execute(db);
    await sql`
      create trigger announce_ended_session after update or delete on sessions
        for each row when (old.expires_at > now()) execute function announce_license_of_session()`.execute(
      db,
    );
    await sql`revoke all on function announce_license_of_session() from public`.execute(db);
  },
};
