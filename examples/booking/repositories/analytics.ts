import type { Kysely } from "kysely";
import { type BookingTables, type Day, day, type TelegramId } from "../tables.ts";

type Db = Kysely<BookingTables>;

export type BookingEvent =
  | "user_registered"
  | "booking_started"
  | "booking_created"
  | "booking_cancelled"
  | "booking_rescheduled"
  | "reminder_sent"
  | "feedback_request_sent"
  | "feedback_given";

/** Notes what somebody did, or what the bot sent him. A trigger keeps his last activity. */
export async function noteEvent(
  db: Db,
  { userId, event, data = {} }: { userId: TelegramId; event: BookingEvent; data?: Record<string, unknown> },
): Promise<void> {
  await db
    .insertInto("analytics")
    .values({ user_id: userId, event, data: JSON.stringify(data) })
    .execute();
}

export function countEvents(db: Db) {
  return db
    .selectFrom("analytics")
    .select((eb) => ["event", eb.fn.countAll<string>().as("count")])
    .groupBy("event")
    .orderBy("event")
    .execute();
}

/** Bookings and booked minutes of each day from `from` on. */
export function dailyLoad(db: Db, from: Day) {
  return db
    .selectFrom("daily_load")
    .select([day("date").as("date"), "bookings", "minutes_booked as minutes"])
    .where("date", ">=", from)
    .orderBy("date")
    .execute();
}
