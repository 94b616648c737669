import type { Kysely } from "kysely";
import type { BookingTables, TelegramId } from "../tables.ts";
import type { Booking } from "./bookings.ts";

type Db = Kysely<BookingTables>;

/** What an admin did. */
export async function noteAction(
  db: Db,
  action: { adminId: TelegramId; action: string; targetId: string | null; details: Record<string, unknown> },
): Promise<void> {
  await db
    .insertInto("audit_log")
    .values({
      admin_id: action.adminId,
      action: action.action,
      target_id: action.targetId,
      details: JSON.stringify(action.details),
    })
    .execute();
}

export function latestActions(db: Db, most: number) {
  return db
    .selectFrom("audit_log")
    .select(["admin_id as adminId", "action", "target_id as targetId", "details"])
    .orderBy("id", "desc")
    .limit(most)
    .execute();
}

type Slot = Pick<Booking, "date" | "time">;

/** What became of a booking, and through whom. Outlives the booking. */
export async function noteChange(
  db: Db,
  change: {
    bookingId: number;
    action: BookingTables["booking_history"]["action"];
    by: { id: TelegramId; type: "user" | "admin" };
    from: Slot | null;
    to: Slot | null;
    reason?: string;
  },
): Promise<void> {
  await db
    .insertInto("booking_history")
    .values({
      booking_id: change.bookingId,
      action: change.action,
      changed_by: change.by.id,
      changed_by_type: change.by.type,
      old_date: change.from?.date ?? null,
      old_time: change.from?.time ?? null,
      new_date: change.to?.date ?? null,
      new_time: change.to?.time ?? null,
      reason: change.reason ?? null,
    })
    .execute();
}
