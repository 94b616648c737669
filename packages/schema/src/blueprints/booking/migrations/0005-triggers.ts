import { sql } from "kysely";
import type { NamedMigration } from "../../../blueprint/define.ts";

/**
 * A trigger's function can't have a body in the SQL standard's form, so PL/pgSQL looks its names up at each call. Two
 * things keep it to its own schema: `set search_path = ''` takes the caller's path away, and restores it at the end
 * whatever happens within; and what reads tables first sets the path to the schema that the trigger's table is in now.
 * No schema's name is stored, so a renamed schema takes its functions along. `pg_temp` is named last: unnamed it would
 * come first.
 */
const OWN_SCHEMA = sql`perform set_config('search_path', quote_ident(tg_table_schema) || ', pg_temp', true);`;

export const triggers: NamedMigration = {
  name: "0005_triggers",
  async up(db) {
    await sql`create function touch_updated_at() returns trigger language plpgsql set search_path = '' as $$
      begin
        new.updated_at := now();
        return new;
      end
      $$`.execute(db);
    for (const table of ["settings", "work_schedule", "text_templates"]) {
      await sql`create trigger ${sql.id(`${table}_touch_updated_at`)} before update on ${sql.table(table)}
        for each row execute function touch_updated_at()`.execute(db);
    }

    // Cancelling and purging are no activity of the user's, so they only count.
    await sql`create function count_bookings() returns trigger language plpgsql set search_path = '' as $$
      begin
        ${OWN_SCHEMA}
        case tg_op
          when 'INSERT' then
            update users set booking_count = booking_count + 1, username = coalesce(new.username, username),
              last_activity = greatest(last_activity, new.created_at)
            where user_id = new.user_id;
          when 'DELETE' then
            update users set booking_count = booking_count - 1 where user_id = old.user_id;
          when 'UPDATE' then
            update users set booking_count = booking_count + case user_id when new.user_id then 1 else -1 end
            where user_id in (old.user_id, new.user_id) and old.user_id <> new.user_id;
          when 'TRUNCATE' then
            update users set booking_count = 0 where booking_count <> 0;
        end case;
        return null;
      end
      $$`.execute(db);
    await sql`create trigger bookings_count after insert or delete or update of user_id on bookings
      for each row execute function count_bookings()`.execute(db);
    await sql`create trigger bookings_count_none after truncate on bookings
      for each statement execute function count_bookings()`.execute(db);

    await sql`create function note_activity() returns trigger language plpgsql set search_path = '' as $$
      begin
        ${OWN_SCHEMA}
        update users set last_activity = new."timestamp"
        where user_id = new.user_id and (last_activity is null or last_activity < new."timestamp");
        return null;
      end
      $$`.execute(db);
    // What the bot sends is its own doing, not the user's.
    await sql`create trigger analytics_note_activity after insert on analytics for each row
      when (new.user_id is not null and new.event not in ('reminder_sent', 'feedback_request_sent'))
      execute function note_activity()`.execute(db);
    await sql`create trigger feedback_note_activity after insert on feedback for each row
      execute function note_activity()`.execute(db);
  },
};
