import { sql } from "kysely";
import type { NamedMigration } from "../../../blueprint/define.ts";
import { ID, identity, now, oneOf, required, TELEGRAM_ID } from "./columns.ts";

/**
 * What was done and said. Records outlive what they speak of: bookings are deleted when they are cancelled or old, and
 * services and admins go; so their ids here have no foreign keys.
 */
export const records: NamedMigration = {
  name: "0003_records",
  async up(db) {
    await db.schema
      .createTable("analytics")
      .addColumn("id", "bigint", identity)
      // An event may come before its user is known: the bot notes that somebody began before he is registered.
      .addColumn("user_id", TELEGRAM_ID)
      .addColumn("event", "varchar(64)", required)
      .addColumn("data", "jsonb")
      .addColumn("timestamp", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("feedback")
      .addColumn("id", ID, identity)
      .addColumn("user_id", TELEGRAM_ID, (column) => column.notNull().references("users.user_id"))
      .addColumn("booking_id", ID)
      .addColumn("rating", "smallint", (column) => column.notNull().check(sql`rating between 1 and 5`))
      .addColumn("timestamp", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("audit_log")
      .addColumn("id", ID, identity)
      .addColumn("admin_id", TELEGRAM_ID, required)
      .addColumn("action", "varchar(64)", required)
      // The id of a user, a booking or a range, by action.
      .addColumn("target_id", "varchar(64)")
      .addColumn("details", "jsonb")
      .addColumn("timestamp", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("booking_history")
      .addColumn("id", ID, identity)
      .addColumn("booking_id", ID, required)
      .addColumn("action", "varchar(32)", required)
      .addColumn("changed_by", TELEGRAM_ID, required)
      .addColumn("changed_by_type", "varchar(10)", oneOf("changed_by_type", ["user", "admin"]))
      .addColumn("old_date", "date")
      .addColumn("old_time", "time")
      .addColumn("new_date", "date")
      .addColumn("new_time", "time")
      .addColumn("old_service_id", ID)
      .addColumn("new_service_id", ID)
      .addColumn("reason", "text")
      .addColumn("changed_at", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("text_changes_log")
      .addColumn("id", ID, identity)
      .addColumn("key", "varchar(128)", required)
      .addColumn("old_value", "text")
      .addColumn("new_value", "text")
      .addColumn("changed_by", TELEGRAM_ID)
      .addColumn("changed_at", "timestamptz", now)
      .execute();

    for (const [table, columns] of INDEXES) {
      await db.schema
        .createIndex(`${table}_${columns.join("_")}_idx`)
        .on(table)
        .columns([...columns])
        .execute();
    }
  },
};

const INDEXES: readonly (readonly [table: string, columns: readonly string[]])[] = [
  ["analytics", ["user_id", "event"]],
  ["analytics", ["timestamp"]],
  ["feedback", ["user_id"]],
  ["feedback", ["timestamp"]],
  ["audit_log", ["admin_id"]],
  ["audit_log", ["timestamp"]],
  ["booking_history", ["booking_id"]],
  ["booking_history", ["changed_by"]],
  ["booking_history", ["changed_at"]],
  ["text_changes_log", ["key"]],
];
