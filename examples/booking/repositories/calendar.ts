import { type Kysely, sql } from "kysely";
import { type BookingTables, clock, type Day, type TelegramId, wallClock } from "../tables.ts";
import { readNumber } from "./settings.ts";

type Db = Kysely<BookingTables>;

/** A part of a day, `HH:MM` to `HH:MM`. */
export interface Span {
  readonly from: string;
  readonly until: string;
}

/** When a client works on a day: by the day's own exception, else by the week, else by the settings. */
export async function workingSpans(db: Db, date: Day): Promise<Span[]> {
  const exception = await db
    .selectFrom("calendar_exceptions")
    .select(["is_working", clock("start_time").as("from"), clock("end_time").as("until")])
    .where("date", "=", date)
    .executeTakeFirst();
  if (exception !== undefined) return exception.is_working ? [exception] : [];

  const week = await db
    .selectFrom("work_schedule")
    .select([
      "is_working",
      clock("shift1_start").as("from1"),
      clock("shift1_end").as("until1"),
      clock("shift2_start").as("from2"),
      clock("shift2_end").as("until2"),
    ])
    .where("weekday", "=", sql<number>`extract(isodow from ${date}::date)::int - 1`)
    .executeTakeFirst();
  if (week !== undefined) {
    const shifts = [
      { from: week.from1, until: week.until1 },
      { from: week.from2, until: week.until2 },
    ];
    // to_char of NULL is NULL, whatever its type says.
    return week.is_working ? shifts.filter(({ from }) => from !== null) : [];
  }

  const hour = (value: number): string => `${String(value).padStart(2, "0")}:00`;
  return [
    {
      from: hour(await readNumber(db, "work_hours_start")),
      until: hour(await readNumber(db, "work_hours_end")),
    },
  ];
}

/** Starts, `HH:MM`, at which something of so many minutes can still be booked on a day. */
export async function freeSlots(
  db: Db,
  { date, minutes, interval }: { date: Day; minutes: number; interval: number },
): Promise<string[]> {
  const { rows } = await sql<{ time: string }>`
    select to_char(start, 'HH24:MI') as time
    from ${asTable(await workingSpans(db, date))}
    cross join generate_series(
      ${date}::date + from_time,
      ${date}::date + until_time - make_interval(mins => ${minutes}::int),
      make_interval(mins => ${interval}::int)) as start
    where start > ${wallClock}
      and not slot_overlaps(start::date, start::time, ${minutes}::int)
      and not ${isBlocked(sql`start::date`, sql`start::time`, minutes)}
    order by start`.execute(db);
  return rows.map(({ time }) => time);
}

/** Whether the client works at that time and hasn't blocked it. Says nothing of other bookings. */
export async function isOpen(
  db: Db,
  { date, time, minutes }: { date: Day; time: string; minutes: number },
): Promise<boolean> {
  const { rows } = await sql<{ open: boolean }>`
    select ${date}::date + ${time}::time > ${wallClock}
      and not ${isBlocked(sql`${date}::date`, sql`${time}::time`, minutes)}
      and exists (
        select from ${asTable(await workingSpans(db, date))}
        where ${time}::time >= from_time
          and ${date}::date + ${time}::time + make_interval(mins => ${minutes}::int) <= ${date}::date + until_time
      ) as open`.execute(db);
  return rows[0]?.open === true;
}

function asTable(spans: readonly Span[]) {
  const [from, until] = [spans.map((span) => span.from), spans.map((span) => span.until)];
  return sql`unnest(${from}::time[], ${until}::time[]) as span (from_time, until_time)`;
}

function isBlocked(date: ReturnType<typeof sql>, time: ReturnType<typeof sql>, minutes: number) {
  const length = sql`make_interval(mins => ${minutes}::int)`;
  return sql<boolean>`(
    exists (select from blocked_slots as slot where slot.date = ${date}
      and slot.time >= ${time} and slot.date + slot.time < ${date} + ${time} + ${length})
    or exists (select from blocked_date_ranges as block where ${date} between block.start_date and block.end_date
      and (block.start_time is null
        or (${date} + block.start_time, ${date} + block.end_time) overlaps (${date} + ${time}, ${length}))))`;
}

/** Takes one start out of the day. */
export async function blockSlot(
  db: Db,
  slot: { date: Day; time: string; reason: string | null; by: TelegramId },
): Promise<void> {
  await db
    .insertInto("blocked_slots")
    .values({ date: slot.date, time: slot.time, reason: slot.reason, blocked_by: slot.by })
    .onConflict((conflict) => conflict.columns(["date", "time"]).doNothing())
    .execute();
}

export async function unblockSlot(db: Db, slot: { date: Day; time: string }): Promise<void> {
  await db.deleteFrom("blocked_slots").where("date", "=", slot.date).where("time", "=", slot.time).execute();
}

/** A day off, or a day with hours of its own. */
export async function setException(
  db: Db,
  exception: { date: Day; hours: Span | null; reason: string | null },
): Promise<void> {
  const values = {
    is_working: exception.hours !== null,
    start_time: exception.hours?.from ?? null,
    end_time: exception.hours?.until ?? null,
    reason: exception.reason,
  };
  await db
    .insertInto("calendar_exceptions")
    .values({ date: exception.date, ...values })
    .onConflict((conflict) => conflict.column("date").doUpdateSet(values))
    .execute();
}
