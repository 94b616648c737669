import type { Kysely } from "kysely";
import type { BookingTables } from "../tables.ts";

type Db = Kysely<BookingTables>;

export type SettingValue = number | boolean | string;

/** A client's settings, each in its own type. */
export async function readSettings(db: Db): Promise<ReadonlyMap<string, SettingValue>> {
  const rows = await db.selectFrom("settings").select(["key", "value", "type"]).execute();
  return new Map(rows.map(({ key, value, type }) => [key, typed(value, type)]));
}

/** A number that the seed has given every client. */
export async function readNumber(db: Db, key: string): Promise<number> {
  const row = await db.selectFrom("settings").select("value").where("key", "=", key).executeTakeFirst();
  if (row === undefined) throw new Error(`there is no setting ${key}`);
  return Number(row.value);
}

/**
 * Returns the value that it had, or undefined for a setting that doesn't exist.
 *
 * @throws the driver's error (23514) when the value is not of the setting's type.
 */
export async function changeSetting(db: Db, key: string, value: SettingValue): Promise<string | undefined> {
  const before = await db
    .selectFrom("settings")
    .select("value")
    .where("key", "=", key)
    .forUpdate()
    .executeTakeFirst();
  await db
    .updateTable("settings")
    .set({ value: String(value) })
    .where("key", "=", key)
    .execute();
  return before?.value;
}

function typed(value: string, type: BookingTables["settings"]["type"]): SettingValue {
  switch (type) {
    case "integer":
    case "number":
      return Number(value);
    case "boolean":
      return value === "true";
    case "text":
      return value;
  }
}
