import type { NamedMigration } from "../../../blueprint/define.ts";
import {
  ID,
  identity,
  no,
  now,
  oneOf,
  PERCENT,
  partOf,
  references,
  required,
  requiredUnique,
  state,
  unique,
  yes,
  zero,
} from "./columns.ts";

/**
 * Who may do what, and where: roles, branches, users, their sessions, settings.
 *
 * Lengths are the legacy application's. Wider are those that a license's own values go into (see `users`).
 * IP addresses stay text: what a proxy header held was stored as it came, and `inet` would refuse or rewrite it.
 */
export const securityAndSettings: NamedMigration = {
  name: "0001_security_and_settings",
  async up(db) {
    await db.schema
      .createTable("roles")
      .addColumn("id", ID, identity)
      .addColumn("name", "varchar(64)", requiredUnique)
      .addColumn("name_ar", "varchar(64)")
      .addColumn("description", "varchar(256)")
      .addColumn("description_en", "varchar(256)")
      .execute();

    await db.schema
      .createTable("permissions")
      .addColumn("id", ID, identity)
      .addColumn("name", "varchar(64)", requiredUnique)
      .addColumn("name_ar", "varchar(64)")
      .addColumn("module", "varchar(64)")
      .execute();

    await db.schema
      .createTable("role_permissions")
      .addColumn("id", ID, identity)
      .addColumn("role_id", ID, partOf("roles"))
      .addColumn("permission_id", ID, partOf("permissions"))
      // A permission is held or not. The constraint also serves as the index of role_id.
      .addUniqueConstraint("role_permissions_role_id_permission_id_key", ["role_id", "permission_id"])
      .execute();

    await db.schema
      .createTable("companies")
      .addColumn("id", ID, identity)
      .addColumn("name", "varchar(128)", required)
      .addColumn("name_en", "varchar(128)")
      .addColumn("tax_number", "varchar(64)")
      .addColumn("commercial_register", "varchar(64)")
      .addColumn("address", "text")
      .addColumn("city", "varchar(64)")
      .addColumn("country", "varchar(64)")
      .addColumn("phone", "varchar(20)")
      .addColumn("email", "varchar(120)")
      .addColumn("website", "varchar(128)")
      .addColumn("logo", "varchar(256)")
      .addColumn("currency", "varchar(3)")
      .addColumn("tax_rate", PERCENT)
      .addColumn("invoice_template", "varchar(50)")
      .addColumn("created_at", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("branches")
      .addColumn("id", ID, identity)
      .addColumn("name", "varchar(128)", required)
      .addColumn("name_en", "varchar(128)")
      .addColumn("code", "varchar(20)", unique)
      .addColumn("company_id", ID, references("companies"))
      .addColumn("address", "text")
      .addColumn("city", "varchar(64)")
      .addColumn("phone", "varchar(20)")
      // Its foreign key closes a cycle with users.branch_id and comes when both tables are there.
      .addColumn("manager_id", ID)
      .addColumn("is_active", "boolean", yes)
      .addColumn("created_at", "timestamptz", now)
      .execute();

    // The legacy license_id is left out: it is an id in the central list of licenses, so in a tenant it points nowhere,
    // and which license a user belongs to is said by the schema that he is in. An import drops it.
    await db.schema
      .createTable("users")
      .addColumn("id", ID, identity)
      .addColumn("username", "varchar(64)", requiredUnique)
      // Longer than any address: without one, the admin gets <username of 64>@<company of 256>.com.
      .addColumn("email", "varchar(325)", requiredUnique)
      // PHC strings, or Werkzeug's pbkdf2 and scrypt for imported users.
      .addColumn("password_hash", "varchar(256)")
      // The admin's full name and phone are the license's, which may be this long.
      .addColumn("full_name", "varchar(256)")
      .addColumn("phone", "varchar(40)")
      .addColumn("is_active", "boolean", yes)
      .addColumn("is_admin", "boolean", no)
      .addColumn("language", "varchar(5)", state("language", ["ar", "en"]))
      .addColumn("branch_id", ID, references("branches"))
      .addColumn("role_id", ID, references("roles"))
      .addColumn("created_at", "timestamptz", now)
      .addColumn("last_login", "timestamptz")
      .addColumn("failed_login_attempts", "integer", zero)
      .addColumn("account_locked_until", "timestamptz")
      .addColumn("last_failed_login", "timestamptz")
      .addColumn("password_changed_at", "timestamptz")
      .addColumn("must_change_password", "boolean", no)
      .addColumn("last_ip_address", "varchar(45)")
      .execute();

    await db.schema
      .createTable("security_logs")
      .addColumn("id", ID, identity)
      // NULL for a login that failed before it was known whose it is.
      .addColumn("user_id", ID, references("users"))
      // Not a closed set: every kind of event that the application learns to notice adds a word.
      .addColumn("event_type", "varchar(50)", required)
      .addColumn("ip_address", "varchar(45)")
      .addColumn("user_agent", "varchar(256)")
      .addColumn("details", "text")
      .addColumn("severity", "varchar(20)", state("severity", ["info", "warning", "critical"]))
      .addColumn("created_at", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("session_logs")
      .addColumn("id", ID, identity)
      .addColumn("user_id", ID, references("users"))
      .addColumn("session_id", "uuid", unique)
      .addColumn("ip_address", "varchar(45)")
      .addColumn("user_agent", "varchar(256)")
      .addColumn("login_at", "timestamptz", now)
      .addColumn("last_activity", "timestamptz", now)
      .addColumn("logout_at", "timestamptz")
      .addColumn("is_active", "boolean", yes)
      .execute();

    await db.schema
      .createTable("ip_whitelist")
      .addColumn("id", ID, identity)
      .addColumn("ip_address", "varchar(45)", requiredUnique)
      .addColumn("description", "varchar(256)")
      .addColumn("is_active", "boolean", yes)
      .addColumn("created_by", ID, references("users"))
      .addColumn("created_at", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("system_settings")
      .addColumn("id", ID, identity)
      .addColumn("setting_key", "varchar(64)", requiredUnique)
      .addColumn("setting_value", "text")
      .addColumn(
        "setting_type",
        "varchar(20)",
        oneOf("setting_type", ["string", "integer", "float", "boolean", "json"]),
      )
      .addColumn("description", "text")
      .addColumn("module", "varchar(50)")
      .addColumn("is_active", "boolean", yes)
      .addColumn("created_at", "timestamptz", now)
      .addColumn("updated_at", "timestamptz", now)
      .execute();
  },
};
