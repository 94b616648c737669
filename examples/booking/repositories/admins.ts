import type { Kysely } from "kysely";
import type { BookingTables, TelegramId } from "../tables.ts";

type Db = Kysely<BookingTables>;
type Role = BookingTables["admins"]["role"];

export function listAdmins(db: Db) {
  return db.selectFrom("admins").select(["user_id as id", "role"]).orderBy("added_at").execute();
}

/** Null for somebody who is no admin of this client, whatever he is elsewhere. */
export async function roleOf(db: Db, id: TelegramId): Promise<Role | null> {
  const row = await db.selectFrom("admins").select("role").where("user_id", "=", id).executeTakeFirst();
  return row?.role ?? null;
}

export async function addAdmin(
  db: Db,
  admin: { id: TelegramId; username: string | null; role: Role; addedBy: TelegramId },
): Promise<void> {
  await db
    .insertInto("admins")
    .values({ user_id: admin.id, username: admin.username, role: admin.role, added_by: admin.addedBy })
    .onConflict((conflict) => conflict.column("user_id").doUpdateSet({ role: admin.role }))
    .execute();
}

export async function removeAdmin(db: Db, id: TelegramId): Promise<void> {
  await db.deleteFrom("admins").where("user_id", "=", id).execute();
}
