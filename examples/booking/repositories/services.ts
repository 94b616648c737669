import type { Insertable, Kysely } from "kysely";
import type { BookingTables } from "../tables.ts";

type Db = Kysely<BookingTables>;

/** What can be booked now, in the order in which the bot shows it. */
export function listServices(db: Db) {
  return db
    .selectFrom("services")
    .select(["id", "name", "duration_minutes as minutes", "price", "price_text as priceText"])
    .where("is_active", "=", true)
    .orderBy("display_order")
    .orderBy("id")
    .execute();
}

export function findService(db: Db, id: number) {
  return db
    .selectFrom("services")
    .select(["id", "name", "duration_minutes as minutes", "slot_interval_minutes as interval"])
    .where("id", "=", id)
    .where("is_active", "=", true)
    .executeTakeFirst();
}

/** Adds a service, or changes the one of that name. */
export async function saveService(db: Db, service: Insertable<BookingTables["services"]>): Promise<number> {
  const { name: _, ...rest } = service;
  const row = await db
    .insertInto("services")
    .values(service)
    .onConflict((conflict) => conflict.column("name").doUpdateSet(rest))
    .returning("id")
    .executeTakeFirstOrThrow();
  return row.id;
}
