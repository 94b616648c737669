import { sql } from "kysely";
import type { NamedMigration } from "../../../blueprint/define.ts";

/**
 * Functions with bodies in the SQL standard's form, and views. PostgreSQL keeps both as parse trees that hold the tables'
 * OIDs, not their names: they know their own schema whatever it is called later and whatever path their caller has.
 *
 * The views are their reader's (`security_invoker`): they show nobody a row that he couldn't read in the tables, also
 * after a right was taken away, although their owner may read every tenant.
 */
export const functionsAndViews: NamedMigration = {
  name: "0004_functions_and_views",
  async up(db) {
    // NULL for what is no slot. In the arguments' order: day, start, length, and a booking that doesn't count because it
    // is the one to be moved.
    await sql`create function slot_overlaps(
        slot_date date, slot_time time, slot_minutes duration default 60, except_booking integer default null)
      returns boolean language sql stable parallel safe
      return case when isfinite(slot_date + slot_time) and slot_minutes is not null then exists (
        select from bookings
        where during && tsrange(slot_date + slot_time, slot_date + slot_time + make_interval(mins => slot_minutes))
          and id is distinct from except_booking)
      end`.execute(db);

    await sql`create domain number_of_days as integer constraint number_of_days_check check (value >= 0)`.execute(
      db,
    );
    await sql`create function cleanup_bookings(
        older_than number_of_days, today date default current_date, out deleted integer, out oldest date)
      language sql
      begin atomic
        with gone as (
          delete from bookings where date < today - older_than returning user_id, date
        ), tally as (
          update users set purged_count = purged_count + per_user.rows
          from (select user_id, count(*)::integer as rows from gone group by user_id) as per_user
          where users.user_id = per_user.user_id
        )
        select count(*)::integer, min(date) from gone;
      end`.execute(db);

    // Lateral, so that a question for one user reads that user's rows alone.
    await sql`create view user_statistics with (security_invoker = true) as
      select users.user_id, users.username, users.first_seen, users.last_activity,
        users.booking_count, users.booking_count + users.purged_count as total_bookings,
        booked.first_booking, booked.last_booking, booked.minutes_booked,
        noted.cancellations, noted.reschedules, given.feedback_count, given.average_rating
      from users
      cross join lateral (
        select min(lower(during)) as first_booking, max(lower(during)) as last_booking,
          coalesce(sum(duration_minutes), 0)::integer as minutes_booked
        from bookings where bookings.user_id = users.user_id
      ) as booked
      cross join lateral (
        select count(*) filter (where event = 'booking_cancelled')::integer as cancellations,
          count(*) filter (where event = 'booking_rescheduled')::integer as reschedules
        from analytics
        where analytics.user_id = users.user_id and event in ('booking_cancelled', 'booking_rescheduled')
      ) as noted
      cross join lateral (
        select count(*)::integer as feedback_count, round(avg(rating), 2) as average_rating
        from feedback where feedback.user_id = users.user_id
      ) as given`.execute(db);

    // A booking over midnight begins on one day and takes minutes of two.
    await sql`create view daily_load with (security_invoker = true) as
      select day::date as date,
        count(*) filter (where lower(during) >= day)::integer as bookings,
        count(distinct user_id)::integer as clients,
        (sum(extract(epoch from upper(part) - lower(part))) / 60)::integer as minutes_booked,
        min(lower(part)) as busy_from, max(upper(part)) as busy_until
      from bookings
      cross join lateral generate_series(
        date_trunc('day', lower(during)), upper(during) - interval '1 microsecond', interval '1 day') as day
      cross join lateral (select during * tsrange(day, day + interval '1 day') as part) as parts
      group by day`.execute(db);

    await sql`create view best_clients with (security_invoker = true) as
      select rank() over (
          order by total_bookings desc, cancellations, average_rating desc nulls last)::integer as rank,
        user_id, username, total_bookings, cancellations, average_rating, last_activity
      from user_statistics where total_bookings > 0`.execute(db);
  },
};
