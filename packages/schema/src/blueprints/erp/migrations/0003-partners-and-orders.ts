import type { NamedMigration } from "../../../blueprint/define.ts";
import {
  atLeastZero,
  ID,
  identity,
  MONEY,
  now,
  PERCENT,
  partOf,
  QUANTITY,
  references,
  required,
  requiredUnique,
  requires,
  state,
  upTo,
  yes,
  zero,
  zeroUnlessEmpty,
} from "./columns.ts";

/** Customers and suppliers, and what is promised to or by them before anything is invoiced. */
export const partnersAndOrders: NamedMigration = {
  name: "0003_partners_and_orders",
  async up(db) {
    await db.schema
      .createTable("customers")
      .addColumn("id", ID, identity)
      .addColumn("code", "varchar(20)", requiredUnique)
      .addColumn("name", "varchar(128)", required)
      .addColumn("name_en", "varchar(128)")
      .addColumn("email", "varchar(120)")
      .addColumn("phone", "varchar(20)")
      .addColumn("mobile", "varchar(20)")
      .addColumn("address", "text")
      .addColumn("city", "varchar(64)")
      .addColumn("country", "varchar(64)")
      .addColumn("tax_number", "varchar(64)")
      .addColumn("commercial_register", "varchar(64)")
      .addColumn("customer_type", "varchar(20)", state("customer_type", ["individual", "company"]))
      .addColumn("credit_limit", MONEY, zeroUnlessEmpty)
      .addColumn("current_balance", MONEY, zero)
      .addColumn("payment_terms", "integer", zeroUnlessEmpty)
      // Open: VIP, Regular, Wholesale and what the customer's own staff call theirs.
      .addColumn("category", "varchar(64)")
      .addColumn("rating", "integer", upTo("rating", 5))
      .addColumn("is_active", "boolean", yes)
      .addColumn("notes", "text")
      .addColumn("created_at", "timestamptz", now)
      .addColumn("updated_at", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("suppliers")
      .addColumn("id", ID, identity)
      .addColumn("code", "varchar(20)", requiredUnique)
      .addColumn("name", "varchar(128)", required)
      .addColumn("name_en", "varchar(128)")
      .addColumn("email", "varchar(120)")
      .addColumn("phone", "varchar(20)")
      .addColumn("mobile", "varchar(20)")
      .addColumn("address", "text")
      .addColumn("city", "varchar(64)")
      .addColumn("country", "varchar(64)")
      .addColumn("tax_number", "varchar(64)")
      .addColumn("commercial_register", "varchar(64)")
      .addColumn("credit_limit", MONEY, zeroUnlessEmpty)
      .addColumn("current_balance", MONEY, zero)
      .addColumn("payment_terms", "integer", zeroUnlessEmpty)
      .addColumn("category", "varchar(64)")
      .addColumn("rating", "integer", upTo("rating", 5))
      .addColumn("is_active", "boolean", yes)
      .addColumn("notes", "text")
      .addColumn("created_at", "timestamptz", now)
      .addColumn("updated_at", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("quotations")
      .addColumn("id", ID, identity)
      .addColumn("quotation_number", "varchar(64)", requiredUnique)
      .addColumn("quotation_date", "date", required)
      .addColumn("valid_until", "date")
      .addColumn("customer_id", ID, requires("customers"))
      .addColumn("subtotal", MONEY, zero)
      .addColumn("discount_amount", MONEY, zero)
      .addColumn("tax_amount", MONEY, zero)
      .addColumn("total_amount", MONEY, zero)
      .addColumn(
        "status",
        "varchar(20)",
        state("status", ["draft", "sent", "accepted", "rejected", "expired"]),
      )
      .addColumn("notes", "text")
      .addColumn("user_id", ID, references("users"))
      .addColumn("created_at", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("quotation_items")
      .addColumn("id", ID, identity)
      .addColumn("quotation_id", ID, partOf("quotations"))
      .addColumn("product_id", ID, requires("products"))
      .addColumn("description", "varchar(256)")
      .addColumn("quantity", QUANTITY, atLeastZero("quantity"))
      .addColumn("unit_price", MONEY, atLeastZero("unit_price"))
      .addColumn("discount_percentage", PERCENT, zeroUnlessEmpty)
      .addColumn("tax_rate", PERCENT, zeroUnlessEmpty)
      .addColumn("total", MONEY, zero)
      .execute();

    await db.schema
      .createTable("sales_orders")
      .addColumn("id", ID, identity)
      .addColumn("order_number", "varchar(64)", requiredUnique)
      .addColumn("order_date", "date", required)
      .addColumn("delivery_date", "date")
      .addColumn("customer_id", ID, requires("customers"))
      .addColumn("warehouse_id", ID, references("warehouses"))
      .addColumn("total_amount", MONEY, zero)
      .addColumn("status", "varchar(20)", state("status", ["pending", "confirmed", "delivered", "cancelled"]))
      .addColumn("user_id", ID, references("users"))
      .addColumn("created_at", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("purchase_orders")
      .addColumn("id", ID, identity)
      .addColumn("order_number", "varchar(64)", requiredUnique)
      .addColumn("order_date", "date", required)
      .addColumn("expected_delivery", "date")
      .addColumn("supplier_id", ID, requires("suppliers"))
      .addColumn("warehouse_id", ID, references("warehouses"))
      .addColumn("subtotal", MONEY, zero)
      .addColumn("discount_amount", MONEY, zero)
      .addColumn("tax_amount", MONEY, zero)
      .addColumn("total_amount", MONEY, zero)
      .addColumn(
        "status",
        "varchar(20)",
        state("status", ["draft", "sent", "confirmed", "received", "cancelled"]),
      )
      .addColumn("notes", "text")
      .addColumn("user_id", ID, references("users"))
      .addColumn("created_at", "timestamptz", now)
      .addColumn("updated_at", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("purchase_order_items")
      .addColumn("id", ID, identity)
      .addColumn("purchase_order_id", ID, partOf("purchase_orders"))
      .addColumn("product_id", ID, requires("products"))
      .addColumn("description", "varchar(256)")
      .addColumn("quantity", QUANTITY, atLeastZero("quantity"))
      .addColumn("received_quantity", QUANTITY, zero)
      .addColumn("unit_price", MONEY, atLeastZero("unit_price"))
      .addColumn("discount_percentage", PERCENT, zeroUnlessEmpty)
      .addColumn("tax_rate", PERCENT, zeroUnlessEmpty)
      .addColumn("total", MONEY, zero)
      .execute();
  },
};
