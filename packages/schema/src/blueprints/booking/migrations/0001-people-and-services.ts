import { sql } from "kysely";
import type { NamedMigration } from "../../../blueprint/define.ts";
import {
  anHour,
  DURATION,
  ID,
  identity,
  no,
  now,
  oneOf,
  primary,
  required,
  requiredUnique,
  TELEGRAM_ID,
  TELEGRAM_NAME,
  yes,
  zero,
} from "./columns.ts";

/**
 * Who books, who runs the bot, what can be booked, and how the bot is set up.
 *
 * What says who did something (`added_by`, `blocked_by`, `changed_by`, `admin_id`) has no foreign key anywhere: an admin
 * can be removed, and what he did stays on record.
 */
export const peopleAndServices: NamedMigration = {
  name: "0001_people_and_services",
  async up(db) {
    // One rule for columns and for functions' arguments: neither nothing, nor less, nor more than a day.
    await sql`create domain duration as integer constraint duration_check check (value between 1 and 1440)`.execute(
      db,
    );

    await db.schema
      .createTable("users")
      .addColumn("user_id", TELEGRAM_ID, primary)
      // Kept by triggers, as are last_activity and booking_count; see 0005.
      .addColumn("username", TELEGRAM_NAME)
      .addColumn("first_seen", "timestamptz", now)
      .addColumn("last_activity", "timestamptz")
      // Rows that the user has in bookings.
      .addColumn("booking_count", "integer", zero)
      // Rows that he had there and that cleanup_bookings has removed since: a cancelled booking is in neither.
      .addColumn("purged_count", "integer", zero)
      .execute();

    await db.schema
      .createTable("admins")
      .addColumn("user_id", TELEGRAM_ID, primary)
      .addColumn("username", TELEGRAM_NAME)
      .addColumn("added_by", TELEGRAM_ID)
      .addColumn("added_at", "timestamptz", now)
      .addColumn("role", "varchar(20)", oneOf("role", ["super_admin", "moderator"], "moderator"))
      .execute();

    await db.schema
      .createTable("admin_sessions")
      .addColumn("user_id", TELEGRAM_ID, primary)
      .addColumn("message_id", "bigint")
      .addColumn("updated_at", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("services")
      .addColumn("id", ID, identity)
      .addColumn("name", "varchar(128)", requiredUnique)
      .addColumn("description", "text")
      .addColumn("duration_minutes", DURATION, required)
      .addColumn("price", "numeric(12, 2)", (column) => column.check(sql`price >= 0`))
      // What customers are shown in place of the number: "от 2500 ₽", "бесплатно".
      .addColumn("price_text", "varchar(64)")
      .addColumn("color", "varchar(7)", (column) =>
        column.notNull().defaultTo("#4CAF50").check(sql`color ~ '^#[0-9A-Fa-f]{6}$'`),
      )
      .addColumn("is_active", "boolean", yes)
      .addColumn("display_order", "integer", zero)
      .addColumn("slot_interval_minutes", DURATION, anHour)
      .addColumn("created_at", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("settings")
      .addColumn("key", "varchar(64)", primary)
      .addColumn("value", "text", required)
      .addColumn("type", "varchar(10)", oneOf("type", ["integer", "number", "boolean", "text"], "text"))
      .addColumn("description", "text")
      .addColumn("updated_at", "timestamptz", now)
      // Whoever reads a setting may convert it without asking again.
      .addCheckConstraint(
        "settings_value_fits_type",
        sql`case type
          when 'integer' then value ~ '^-?[0-9]{1,9}$'
          when 'number' then value ~ '^-?[0-9]{1,15}([.][0-9]{1,10})?$'
          when 'boolean' then value in ('true', 'false')
          else true
        end`,
      )
      .execute();

    await db.schema
      .createTable("text_templates")
      .addColumn("id", ID, identity)
      .addColumn("key", "varchar(128)", requiredUnique)
      .addColumn("text_ru", "text", required)
      .addColumn("text_en", "text")
      .addColumn("category", "varchar(64)", (column) => column.notNull().defaultTo("general"))
      .addColumn("description", "text")
      .addColumn("is_custom", "boolean", no)
      .addColumn("updated_at", "timestamptz", now)
      .addColumn("updated_by", TELEGRAM_ID)
      .execute();

    await db.schema
      .createIndex("services_is_active_display_order_idx")
      .on("services")
      .columns(["is_active", "display_order"])
      .execute();
  },
};
