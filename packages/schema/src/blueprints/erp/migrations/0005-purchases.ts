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
  zero,
  zeroUnlessEmpty,
} from "./columns.ts";

/** What was bought, and what went back. */
export const purchases: NamedMigration = {
  name: "0005_purchases",
  async up(db) {
    await db.schema
      .createTable("purchase_invoices")
      .addColumn("id", ID, identity)
      .addColumn("invoice_number", "varchar(64)", requiredUnique)
      .addColumn("invoice_date", "date", required)
      .addColumn("supplier_invoice_number", "varchar(64)")
      .addColumn("supplier_id", ID, requires("suppliers"))
      .addColumn("warehouse_id", ID, references("warehouses"))
      .addColumn("purchase_order_id", ID, references("purchase_orders"))
      .addColumn("subtotal", MONEY, zero)
      .addColumn("discount_amount", MONEY, zero)
      .addColumn("tax_amount", MONEY, zero)
      .addColumn("total_amount", MONEY, zero)
      .addColumn("paid_amount", MONEY, zero)
      .addColumn("remaining_amount", MONEY, zero)
      .addColumn("status", "varchar(20)", state("status", ["draft", "confirmed", "paid", "cancelled"]))
      .addColumn("payment_status", "varchar(20)", state("payment_status", ["unpaid", "partial", "paid"]))
      .addColumn("notes", "text")
      .addColumn("user_id", ID, references("users"))
      .addColumn("created_at", "timestamptz", now)
      .addColumn("updated_at", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("purchase_invoice_items")
      .addColumn("id", ID, identity)
      .addColumn("invoice_id", ID, partOf("purchase_invoices"))
      .addColumn("product_id", ID, requires("products"))
      .addColumn("description", "varchar(256)")
      .addColumn("quantity", QUANTITY, atLeastZero("quantity"))
      .addColumn("unit_price", MONEY, atLeastZero("unit_price"))
      .addColumn("discount_percentage", PERCENT, zeroUnlessEmpty)
      .addColumn("tax_rate", PERCENT, zeroUnlessEmpty)
      .addColumn("total", MONEY, zero)
      .execute();

    await db.schema
      .createTable("purchase_returns")
      .addColumn("id", ID, identity)
      .addColumn("return_number", "varchar(64)", requiredUnique)
      .addColumn("return_date", "date", required)
      .addColumn("supplier_id", ID, requires("suppliers"))
      .addColumn("purchase_invoice_id", ID, references("purchase_invoices"))
      .addColumn("warehouse_id", ID, references("warehouses"))
      .addColumn("total_amount", MONEY, zero)
      .addColumn("reason", "text")
      .addColumn("status", "varchar(20)", state("status", ["draft", "confirmed", "refunded"]))
      .addColumn("user_id", ID, references("users"))
      .addColumn("created_at", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("purchase_return_items")
      .addColumn("id", ID, identity)
      .addColumn("return_id", ID, partOf("purchase_returns"))
      .addColumn("product_id", ID, requires("products"))
      .addColumn("quantity", QUANTITY, atLeastZero("quantity"))
      .addColumn("unit_price", MONEY, atLeastZero("unit_price"))
      .addColumn("total", MONEY, zero)
      .execute();
  },
};
