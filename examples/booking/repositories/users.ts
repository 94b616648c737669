import { type Kysely, sql } from "kysely";
import type { BookingTables, TelegramId } from "../tables.ts";

type Db = Kysely<BookingTables>;

/**
 * Knows somebody from now on. The row stays locked until the transaction ends: what a user does twice at once is done
 * one after the other, so that a limit of his can be counted.
 */
export async function meetUser(db: Db, user: { id: TelegramId; username: string | null }): Promise<void> {
  await db
    .insertInto("users")
    .values({ user_id: user.id, username: user.username })
    .onConflict((conflict) =>
      conflict
        .column("user_id")
        .doUpdateSet({ username: sql<string | null>`coalesce(excluded.username, users.username)` }),
    )
    .execute();
}

export function userStatistics(db: Db, id: TelegramId) {
  return db.selectFrom("user_statistics").selectAll().where("user_id", "=", id).executeTakeFirst();
}

export function bestClients(db: Db, most: number) {
  return db
    .selectFrom("best_clients")
    .select(["rank", "username", "total_bookings as bookings"])
    .orderBy("rank")
    .limit(most)
    .execute();
}

export async function giveFeedback(
  db: Db,
  feedback: { userId: TelegramId; bookingId: number; rating: 1 | 2 | 3 | 4 | 5 },
): Promise<void> {
  await db
    .insertInto("feedback")
    .values({ user_id: feedback.userId, booking_id: feedback.bookingId, rating: feedback.rating })
    .execute();
}
