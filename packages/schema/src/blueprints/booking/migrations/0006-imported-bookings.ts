import { sql } from "kysely";
import type { NamedMigration } from "../../../blueprint/define.ts";

/**
 * The old bot held only that no two bookings begin at once, so its files hold appointments that overlap: real ones, which
 * were kept or will be. They come in as they are. Two imported ones may overlap; a new one may overlap none, nor may an
 * imported one that is moved.
 *
 * The constraint compares a second range besides the time: everything for an ordinary booking, its own id for an
 * imported one. Two of the latter never meet in it.
 */
export const importedBookings: NamedMigration = {
  name: "0006_imported_bookings",
  async up(db) {
    await sql`alter table bookings add column imported boolean not null default false`.execute(db);
    await sql`alter table bookings drop constraint bookings_no_overlap`.execute(db);
    await sql`alter table bookings add constraint bookings_no_overlap exclude using gist (
      during with &&,
      (case when imported then int4range(id, id, '[]') else int4range(null, null) end) with &&)`.execute(db);

    await sql`create function hold_moved_booking() returns trigger language plpgsql set search_path = '' as $$
      begin
        new.imported := false;
        return new;
      end
      $$`.execute(db);
    await sql`create trigger bookings_moved before update of date, time, duration_minutes on bookings for each row
      when (old.imported and (old.date, old."time", old.duration_minutes)
        is distinct from (new.date, new."time", new.duration_minutes))
      execute function hold_moved_booking()`.execute(db);
  },
};
