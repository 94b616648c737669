import type { NamedMigration } from "../../../blueprint/define.ts";
import {
  ID,
  identity,
  MONEY,
  no,
  now,
  references,
  required,
  requiredOneOf,
  requiredUnique,
  requires,
  state,
  upTo,
  yes,
  zero,
  zeroUnlessEmpty,
} from "./columns.ts";

/** Leads on their way to customers. Where a lead came from and what a campaign is made of are open words. */
export const crm: NamedMigration = {
  name: "0008_crm",
  async up(db) {
    await db.schema
      .createTable("leads")
      .addColumn("id", ID, identity)
      .addColumn("code", "varchar(20)", requiredUnique)
      .addColumn("name", "varchar(128)", required)
      .addColumn("company", "varchar(128)")
      .addColumn("title", "varchar(64)")
      .addColumn("email", "varchar(120)")
      .addColumn("phone", "varchar(20)")
      .addColumn("mobile", "varchar(20)")
      .addColumn("website", "varchar(200)")
      .addColumn("address", "text")
      .addColumn("city", "varchar(64)")
      .addColumn("country", "varchar(64)")
      .addColumn("source", "varchar(64)")
      .addColumn(
        "status",
        "varchar(20)",
        state("status", ["new", "contacted", "qualified", "converted", "lost"]),
      )
      .addColumn("rating", "integer", upTo("rating", 5))
      .addColumn("expected_revenue", MONEY, zeroUnlessEmpty)
      .addColumn("probability", "integer", upTo("probability", 100))
      .addColumn("expected_close_date", "date")
      .addColumn("assigned_to", ID, references("users"))
      .addColumn("converted_to_customer", "boolean", no)
      .addColumn("customer_id", ID, references("customers"))
      .addColumn("converted_date", "timestamptz")
      .addColumn("description", "text")
      .addColumn("notes", "text")
      .addColumn("created_at", "timestamptz", now)
      .addColumn("updated_at", "timestamptz", now)
      .addColumn("created_by", ID, references("users"))
      .execute();

    await db.schema
      .createTable("opportunities")
      .addColumn("id", ID, identity)
      .addColumn("code", "varchar(20)", requiredUnique)
      .addColumn("name", "varchar(200)", required)
      .addColumn("description", "text")
      .addColumn("customer_id", ID, requires("customers"))
      .addColumn("lead_id", ID, references("leads"))
      .addColumn("amount", MONEY, zeroUnlessEmpty)
      .addColumn("probability", "integer", upTo("probability", 100))
      .addColumn(
        "stage",
        "varchar(20)",
        state("stage", [
          "prospecting",
          "qualification",
          "proposal",
          "negotiation",
          "closed_won",
          "closed_lost",
        ]),
      )
      .addColumn("expected_close_date", "date")
      .addColumn("actual_close_date", "date")
      .addColumn("assigned_to", ID, references("users"))
      .addColumn("is_active", "boolean", yes)
      .addColumn("notes", "text")
      .addColumn("created_at", "timestamptz", now)
      .addColumn("updated_at", "timestamptz", now)
      .addColumn("created_by", ID, references("users"))
      .execute();

    await db.schema
      .createTable("interactions")
      .addColumn("id", ID, identity)
      .addColumn(
        "interaction_type",
        "varchar(20)",
        requiredOneOf("interaction_type", ["call", "email", "meeting", "note"]),
      )
      .addColumn("subject", "varchar(200)", required)
      .addColumn("description", "text")
      .addColumn("lead_id", ID, references("leads"))
      .addColumn("customer_id", ID, references("customers"))
      .addColumn("opportunity_id", ID, references("opportunities"))
      .addColumn("interaction_date", "timestamptz", now)
      .addColumn("duration", "integer")
      .addColumn("outcome", "varchar(200)")
      .addColumn("created_by", ID, references("users"))
      .addColumn("created_at", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("tasks")
      .addColumn("id", ID, identity)
      .addColumn("title", "varchar(200)", required)
      .addColumn("description", "text")
      .addColumn(
        "task_type",
        "varchar(20)",
        state("task_type", ["general", "call", "email", "meeting", "follow_up", "other"]),
      )
      .addColumn("priority", "varchar(20)", state("priority", ["medium", "low", "normal", "high", "urgent"]))
      .addColumn("lead_id", ID, references("leads"))
      .addColumn("customer_id", ID, references("customers"))
      .addColumn("opportunity_id", ID, references("opportunities"))
      .addColumn("due_date", "timestamptz")
      .addColumn("completed_date", "timestamptz")
      .addColumn(
        "status",
        "varchar(20)",
        state("status", ["pending", "in_progress", "completed", "cancelled"]),
      )
      .addColumn("assigned_to", ID, references("users"))
      .addColumn("created_at", "timestamptz", now)
      .addColumn("updated_at", "timestamptz", now)
      .addColumn("created_by", ID, references("users"))
      .execute();

    await db.schema
      .createTable("campaigns")
      .addColumn("id", ID, identity)
      .addColumn("code", "varchar(20)", requiredUnique)
      .addColumn("name", "varchar(200)", required)
      .addColumn("description", "text")
      .addColumn("campaign_type", "varchar(20)")
      .addColumn(
        "status",
        "varchar(20)",
        state("status", ["planning", "active", "paused", "completed", "cancelled"]),
      )
      .addColumn("start_date", "date")
      .addColumn("end_date", "date")
      .addColumn("budget", MONEY, zeroUnlessEmpty)
      .addColumn("actual_cost", MONEY, zeroUnlessEmpty)
      .addColumn("expected_revenue", MONEY, zeroUnlessEmpty)
      .addColumn("actual_revenue", MONEY, zeroUnlessEmpty)
      .addColumn("target_audience", "integer", zeroUnlessEmpty)
      .addColumn("leads_generated", "integer", zero)
      .addColumn("conversions", "integer", zero)
      .addColumn("assigned_to", ID, references("users"))
      .addColumn("is_active", "boolean", yes)
      .addColumn("notes", "text")
      .addColumn("created_at", "timestamptz", now)
      .addColumn("updated_at", "timestamptz", now)
      .addColumn("created_by", ID, references("users"))
      .execute();

    await db.schema
      .createTable("contacts")
      .addColumn("id", ID, identity)
      .addColumn("first_name", "varchar(64)", required)
      .addColumn("last_name", "varchar(64)", required)
      .addColumn("title", "varchar(64)")
      .addColumn("customer_id", ID, references("customers"))
      .addColumn("email", "varchar(120)")
      .addColumn("phone", "varchar(20)")
      .addColumn("mobile", "varchar(20)")
      .addColumn("linkedin", "varchar(200)")
      .addColumn("twitter", "varchar(200)")
      .addColumn("is_primary", "boolean", no)
      .addColumn("is_active", "boolean", yes)
      .addColumn("notes", "text")
      .addColumn("created_at", "timestamptz", now)
      .addColumn("updated_at", "timestamptz", now)
      .execute();
  },
};
