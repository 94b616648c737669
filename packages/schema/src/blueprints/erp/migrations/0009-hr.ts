import { sql } from "kysely";
import type { NamedMigration } from "../../../blueprint/define.ts";
import {
  ID,
  identity,
  MONEY,
  now,
  oneOf,
  parentIn,
  QUANTITY,
  references,
  required,
  requiredUnique,
  requires,
  state,
  unique,
  yes,
  zero,
  zeroUnlessEmpty,
} from "./columns.ts";

export const hr: NamedMigration = {
  name: "0009_hr",
  async up(db) {
    await db.schema
      .createTable("departments")
      .addColumn("id", ID, identity)
      .addColumn("name", "varchar(128)", required)
      .addColumn("name_en", "varchar(128)")
      .addColumn("code", "varchar(20)", unique)
      .addColumn("parent_id", ID, parentIn("departments"))
      // Its foreign key closes a cycle with employees.department_id and comes when both tables are there.
      .addColumn("manager_id", ID)
      .addColumn("description", "text")
      .addColumn("is_active", "boolean", yes)
      .addColumn("created_at", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("positions")
      .addColumn("id", ID, identity)
      .addColumn("name", "varchar(128)", required)
      .addColumn("name_en", "varchar(128)")
      .addColumn("code", "varchar(20)", unique)
      .addColumn("department_id", ID, references("departments"))
      .addColumn("description", "text")
      .addColumn("is_active", "boolean", yes)
      .addColumn("created_at", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("employees")
      .addColumn("id", ID, identity)
      .addColumn("employee_number", "varchar(20)", requiredUnique)
      .addColumn("user_id", ID, references("users"))
      .addColumn("first_name", "varchar(64)", required)
      .addColumn("last_name", "varchar(64)", required)
      .addColumn("first_name_en", "varchar(64)")
      .addColumn("last_name_en", "varchar(64)")
      .addColumn("national_id", "varchar(20)", unique)
      .addColumn("passport_number", "varchar(20)")
      .addColumn("date_of_birth", "date")
      // These come from lists of a form; its empty choice is NULL here, '' in the legacy files.
      .addColumn("gender", "varchar(10)", oneOf("gender", ["male", "female"]))
      .addColumn(
        "marital_status",
        "varchar(20)",
        oneOf("marital_status", ["single", "married", "divorced", "widowed"]),
      )
      .addColumn("nationality", "varchar(64)")
      .addColumn("email", "varchar(120)")
      .addColumn("phone", "varchar(20)")
      .addColumn("mobile", "varchar(20)")
      .addColumn("address", "text")
      .addColumn("city", "varchar(64)")
      .addColumn("department_id", ID, references("departments"))
      .addColumn("position_id", ID, references("positions"))
      .addColumn("branch_id", ID, references("branches"))
      .addColumn("hire_date", "date")
      .addColumn(
        "contract_type",
        "varchar(20)",
        oneOf("contract_type", ["permanent", "temporary", "contract"]),
      )
      .addColumn(
        "employment_status",
        "varchar(20)",
        state("employment_status", ["active", "resigned", "terminated"]),
      )
      .addColumn("basic_salary", MONEY, zeroUnlessEmpty)
      .addColumn("photo", "varchar(256)")
      .addColumn("is_active", "boolean", yes)
      .addColumn("created_at", "timestamptz", now)
      .addColumn("updated_at", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("attendance")
      .addColumn("id", ID, identity)
      .addColumn("employee_id", ID, requires("employees"))
      .addColumn("attendance_date", "date", required)
      // Imported ones are the wall clock that was typed in, kept as if it were UTC: the legacy files don't say where.
      .addColumn("check_in", "timestamptz")
      .addColumn("check_out", "timestamptz")
      .addColumn(
        "status",
        "varchar(20)",
        state("status", ["present", "absent", "late", "half_day", "leave", "on_leave", "sick_leave"]),
      )
      .addColumn("working_hours", QUANTITY, zero)
      .addColumn("overtime_hours", QUANTITY, zero)
      .addColumn("notes", "text")
      .addColumn("created_at", "timestamptz", now)
      .addUniqueConstraint("attendance_employee_id_attendance_date_key", ["employee_id", "attendance_date"])
      .execute();

    await db.schema
      .createTable("leave_types")
      .addColumn("id", ID, identity)
      .addColumn("name", "varchar(64)", required)
      .addColumn("name_en", "varchar(64)")
      .addColumn("days_per_year", "integer", zeroUnlessEmpty)
      .addColumn("is_paid", "boolean", yes)
      .addColumn("is_active", "boolean", yes)
      .execute();

    await db.schema
      .createTable("leaves")
      .addColumn("id", ID, identity)
      .addColumn("employee_id", ID, requires("employees"))
      .addColumn("leave_type_id", ID, requires("leave_types"))
      .addColumn("start_date", "date", required)
      .addColumn("end_date", "date", required)
      .addColumn("days_count", "integer", required)
      .addColumn("reason", "text")
      .addColumn("status", "varchar(20)", state("status", ["pending", "approved", "rejected", "cancelled"]))
      .addColumn("approved_by", ID, references("users"))
      .addColumn("approved_at", "timestamptz")
      .addColumn("created_at", "timestamptz", now)
      .addCheckConstraint("leaves_end_date_check", sql`end_date >= start_date`)
      .execute();

    await db.schema
      .createTable("payrolls")
      .addColumn("id", ID, identity)
      .addColumn("employee_id", ID, requires("employees"))
      .addColumn("month", "integer", (column) => column.notNull().check(sql`month between 1 and 12`))
      .addColumn("year", "integer", required)
      .addColumn("basic_salary", MONEY, zero)
      .addColumn("allowances", MONEY, zero)
      .addColumn("deductions", MONEY, zero)
      .addColumn("overtime", MONEY, zero)
      .addColumn("net_salary", MONEY, zero)
      .addColumn("status", "varchar(20)", state("status", ["draft", "approved", "paid"]))
      .addColumn("payment_date", "date")
      .addColumn("created_at", "timestamptz", now)
      .addUniqueConstraint("payrolls_employee_id_month_year_key", ["employee_id", "month", "year"])
      .execute();
  },
};
