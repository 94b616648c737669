import { sql } from "kysely";
import type { NamedMigration } from "../../../blueprint/define.ts";
import {
  anHour,
  DURATION,
  ID,
  identity,
  no,
  now,
  primary,
  required,
  requiredUnique,
  TELEGRAM_ID,
  TELEGRAM_NAME,
  yes,
} from "./columns.ts";

/**
 * When somebody comes, and when nobody can. Dates and times are the wall clock at the client's place, as the bot writes
 * them; moments at which something was done are `timestamptz`.
 */
export const calendar: NamedMigration = {
  name: "0002_calendar",
  async up(db) {
    await db.schema
      .createTable("bookings")
      .addColumn("id", ID, identity)
      .addColumn("date", "date", (column) => column.notNull().check(sql`isfinite(date)`))
      .addColumn("time", "time", required)
      .addColumn("user_id", TELEGRAM_ID, (column) => column.notNull().references("users.user_id"))
      .addColumn("username", TELEGRAM_NAME)
      // The bot's own default: who names no service gets the first, which the seed makes.
      .addColumn("service_id", ID, (column) => column.notNull().defaultTo(1).references("services.id"))
      .addColumn("duration_minutes", DURATION, anHour)
      .addColumn("created_at", "timestamptz", now)
      // For optimistic locking: whoever changes a booking says which version he saw.
      .addColumn("version", "integer", (column) => column.notNull().defaultTo(1))
      // Half open: at 11:00 one ends and the next begins. It may end on the next day.
      .addColumn("during", sql`tsrange`, (column) =>
        column
          .notNull()
          .generatedAlwaysAs(
            sql`tsrange(date + "time", date + "time" + make_interval(mins => duration_minutes))`,
          )
          .stored(),
      )
      // Both follow from the one below. They stay, since they name the fault better, are what ON CONFLICT can name, and
      // serve as the indexes of a day and of a user.
      .addUniqueConstraint("bookings_date_time_key", ["date", "time"])
      .addUniqueConstraint("bookings_user_id_date_time_key", ["user_id", "date", "time"])
      .execute();
    await sql`alter table bookings add constraint bookings_no_overlap exclude using gist (during with &&)`.execute(
      db,
    );
    await db.schema.createIndex("bookings_service_id_idx").on("bookings").column("service_id").execute();

    await db.schema
      .createTable("blocked_slots")
      .addColumn("id", ID, identity)
      .addColumn("date", "date", required)
      .addColumn("time", "time", required)
      .addColumn("reason", "text")
      .addColumn("blocked_by", TELEGRAM_ID, required)
      .addColumn("blocked_at", "timestamptz", now)
      .addUniqueConstraint("blocked_slots_date_time_key", ["date", "time"])
      .execute();

    // A week without rows follows the settings work_hours_start and work_hours_end.
    await db.schema
      .createTable("work_schedule")
      // 0 is Monday.
      .addColumn("weekday", "smallint", (column) => primary(column).check(sql`weekday between 0 and 6`))
      .addColumn("is_working", "boolean", yes)
      .addColumn("shift1_start", "time")
      .addColumn("shift1_end", "time")
      .addColumn("shift2_start", "time")
      .addColumn("shift2_end", "time")
      .addColumn("updated_at", "timestamptz", now)
      .addCheckConstraint("work_schedule_shift1_check", spanOfDay("shift1_start", "shift1_end"))
      .addCheckConstraint("work_schedule_shift2_check", spanOfDay("shift2_start", "shift2_end"))
      .execute();

    await db.schema
      .createTable("blocked_date_ranges")
      .addColumn("id", ID, identity)
      .addColumn("start_date", "date", required)
      // The last day, not the one after it.
      .addColumn("end_date", "date", required)
      // Without times whole days; with them that part of each day.
      .addColumn("start_time", "time")
      .addColumn("end_time", "time")
      .addColumn("reason", "text")
      .addColumn("blocked_by", TELEGRAM_ID, required)
      .addColumn("created_at", "timestamptz", now)
      .addColumn("is_recurring", "boolean", no)
      .addCheckConstraint("blocked_date_ranges_dates_check", sql`end_date >= start_date`)
      .addCheckConstraint("blocked_date_ranges_times_check", spanOfDay("start_time", "end_time"))
      .execute();
    await db.schema
      .createIndex("blocked_date_ranges_start_date_end_date_idx")
      .on("blocked_date_ranges")
      .columns(["start_date", "end_date"])
      .execute();

    // One day that departs from the week: off, or with hours of its own.
    await db.schema
      .createTable("calendar_exceptions")
      .addColumn("id", ID, identity)
      .addColumn("date", "date", requiredUnique)
      .addColumn("is_working", "boolean", no)
      .addColumn("start_time", "time")
      .addColumn("end_time", "time")
      .addColumn("reason", "text")
      .addColumn("created_by", TELEGRAM_ID)
      .addColumn("created_at", "timestamptz", now)
      .addCheckConstraint("calendar_exceptions_times_check", spanOfDay("start_time", "end_time"))
      .addCheckConstraint(
        "calendar_exceptions_hours_of_working_day",
        sql`is_working = (start_time is not null)`,
      )
      .execute();
  },
};

/** Both ends or neither, and the end after the start. */
function spanOfDay(start: string, end: string) {
  const [from, to] = [sql.ref(start), sql.ref(end)];
  return sql<boolean>`(${from} is null) = (${to} is null) and coalesce(${from} < ${to}, true)`;
}
