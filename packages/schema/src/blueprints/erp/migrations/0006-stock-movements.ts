import { sql } from "kysely";
import type { NamedMigration } from "../../../blueprint/define.ts";
import {
  derivedFrom,
  ID,
  identity,
  now,
  oneOf,
  QUANTITY,
  references,
  required,
  requiredOneOf,
  requires,
} from "./columns.ts";

/** Every kind of document that can move goods. */
const REFERENCE_TYPES = [
  "initial_stock",
  "sales_invoice",
  "sales_invoice_cancel",
  "sales_invoice_delete",
  "purchase_invoice",
  "purchase_invoice_cancel",
  "purchase_invoice_delete",
  "pos_order",
  "damaged",
  "transfer",
  "adjustment",
];

/**
 * Goods on their way in and out.
 *
 * The legacy application deletes invoices that have moved goods and leaves the older movements pointing at them. Here such
 * an invoice can be cancelled, not deleted; an import finds those movements without their invoice.
 */
export const stockMovements: NamedMigration = {
  name: "0006_stock_movements",
  async up(db) {
    await db.schema
      .createTable("stock_movements")
      .addColumn("id", ID, identity)
      .addColumn("product_id", ID, requires("products"))
      .addColumn("warehouse_id", ID, requires("warehouses"))
      .addColumn(
        "movement_type",
        "varchar(20)",
        requiredOneOf("movement_type", ["in", "out", "damaged", "transfer", "adjustment"]),
      )
      // Its sign is not its direction: movement_type tells that, and damaged goods count below zero.
      .addColumn("quantity", QUANTITY, required)
      .addColumn("reference_type", "varchar(50)", oneOf("reference_type", REFERENCE_TYPES))
      .addColumn("reference_id", ID)
      .addColumn("notes", "text")
      .addColumn("user_id", ID, references("users"))
      .addColumn("created_at", "timestamptz", now)
      // What reference_id points at. A `…_delete` row points at nothing: it says that its invoice is gone.
      .addColumn(
        "sales_invoice_id",
        ID,
        derivedFrom(
          "reference_type",
          "reference_id",
          ["sales_invoice", "sales_invoice_cancel"],
          "sales_invoices",
        ),
      )
      .addColumn(
        "purchase_invoice_id",
        ID,
        derivedFrom(
          "reference_type",
          "reference_id",
          ["purchase_invoice", "purchase_invoice_cancel"],
          "purchase_invoices",
        ),
      )
      .addColumn(
        "pos_order_id",
        ID,
        derivedFrom("reference_type", "reference_id", ["pos_order"], "pos_orders"),
      )
      .addColumn(
        "damaged_inventory_id",
        ID,
        derivedFrom("reference_type", "reference_id", ["damaged"], "damaged_inventory"),
      )
      // Opening stock refers to its own product, whose foreign key is there already.
      .addCheckConstraint(
        "stock_movements_initial_stock_check",
        sql`reference_type <> 'initial_stock' or reference_id = product_id`,
      )
      .execute();
  },
};
