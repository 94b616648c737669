import { type Kysely, sql } from "kysely";
import { type BookingTables, clock, type Day, day, type TelegramId, wallClock } from "../tables.ts";

export interface Booking {
  readonly id: number;
  readonly date: Day;
  readonly time: string;
  readonly userId: TelegramId;
  readonly username: string | null;
  readonly serviceId: number;
  readonly minutes: number;
  /** Whoever changes a booking says which version he saw. */
  readonly version: number;
}

const shown = [
  "id",
  day("date").as("date"),
  clock("time").as("time"),
  "user_id as userId",
  "username",
  "service_id as serviceId",
  "duration_minutes as minutes",
  "version",
] as const;

type Db = Kysely<BookingTables>;

/** @throws the driver's error, which `isSlotTaken` knows, when it overlaps with another. */
export function insertBooking(db: Db, booking: Omit<Booking, "id" | "version">): Promise<Booking> {
  return db
    .insertInto("bookings")
    .values({
      date: booking.date,
      time: booking.time,
      user_id: booking.userId,
      username: booking.username,
      service_id: booking.serviceId,
      duration_minutes: booking.minutes,
    })
    .returning(shown)
    .executeTakeFirstOrThrow();
}

/** The database holds that no two bookings overlap; of two that come in the same instant it may end one as a deadlock. */
export function isSlotTaken(error: unknown): boolean {
  const { code, constraint } = error as { code?: string; constraint?: string };
  if (code === "40P01") return true;
  return (code === "23505" || code === "23P01") && constraint?.startsWith("bookings_") === true;
}

export function findBooking(db: Db, id: number): Promise<Booking | undefined> {
  return db.selectFrom("bookings").select(shown).where("id", "=", id).executeTakeFirst();
}

/** A user's bookings that aren't over yet. */
export function upcomingBookings(db: Db, userId: TelegramId): Promise<Booking[]> {
  return db
    .selectFrom("bookings")
    .select(shown)
    .where("user_id", "=", userId)
    .where(sql<boolean>`upper(during) > ${wallClock}`)
    .orderBy("date")
    .orderBy("time")
    .execute();
}

export function bookingsOfDay(db: Db, date: Day): Promise<Booking[]> {
  return db.selectFrom("bookings").select(shown).where("date", "=", date).orderBy("time").execute();
}

/** Undefined when somebody else has changed the booking since, or it is gone. */
export function moveBooking(
  db: Db,
  { id, version, date, time }: Pick<Booking, "id" | "version" | "date" | "time">,
): Promise<Booking | undefined> {
  return db
    .updateTable("bookings")
    .set((eb) => ({ date, time, version: eb("version", "+", 1) }))
    .where("id", "=", id)
    .where("version", "=", version)
    .returning(shown)
    .executeTakeFirst();
}

/** Cancelling deletes the row; the history keeps what it was. */
export async function deleteBooking(db: Db, id: number): Promise<void> {
  await db.deleteFrom("bookings").where("id", "=", id).execute();
}

/** Hours from now until the booking begins; negative when it has begun. */
export async function hoursUntil(db: Db, id: number): Promise<number> {
  const { rows } = await sql<{ hours: number }>`
    select extract(epoch from lower(during) - ${wallClock})::float8 / 3600 as hours
    from bookings where id = ${id}`.execute(db);
  return rows[0]?.hours ?? 0;
}

/** Removes what is older than so many days, and tells how many and the oldest. */
export async function cleanUpBookings(
  db: Db,
  olderThanDays: number,
): Promise<{ deleted: number; oldest: Day | null }> {
  const { rows } = await sql<{ deleted: number; oldest: Day | null }>`
    select deleted, oldest::text from cleanup_bookings(${olderThanDays}, ${wallClock}::date)`.execute(db);
  return rows[0] ?? { deleted: 0, oldest: null };
}
