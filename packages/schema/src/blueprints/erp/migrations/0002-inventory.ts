import type { NamedMigration } from "../../../blueprint/define.ts";
import {
  atLeastZero,
  ID,
  identity,
  MONEY,
  no,
  now,
  PERCENT,
  parentIn,
  QUANTITY,
  references,
  required,
  requiredUnique,
  requires,
  unique,
  yes,
  zero,
  zeroUnlessEmpty,
} from "./columns.ts";

/** What is kept, and where. The movements come last (0006): they refer to every kind of document. */
export const inventory: NamedMigration = {
  name: "0002_inventory",
  async up(db) {
    await db.schema
      .createTable("categories")
      .addColumn("id", ID, identity)
      .addColumn("name", "varchar(128)", required)
      .addColumn("name_en", "varchar(128)")
      .addColumn("code", "varchar(20)", unique)
      .addColumn("parent_id", ID, parentIn("categories"))
      .addColumn("description", "text")
      .addColumn("is_active", "boolean", yes)
      .addColumn("created_at", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("units")
      .addColumn("id", ID, identity)
      .addColumn("name", "varchar(64)", required)
      .addColumn("name_en", "varchar(64)")
      .addColumn("symbol", "varchar(10)")
      .addColumn("is_active", "boolean", yes)
      .execute();

    await db.schema
      .createTable("products")
      .addColumn("id", ID, identity)
      .addColumn("name", "varchar(256)", required)
      .addColumn("name_en", "varchar(256)")
      .addColumn("code", "varchar(64)", requiredUnique)
      // Not unique: one product may be sold under several entries.
      .addColumn("barcode", "varchar(128)")
      .addColumn("sku", "varchar(64)")
      .addColumn("category_id", ID, references("categories"))
      .addColumn("unit_id", ID, references("units"))
      .addColumn("description", "text")
      .addColumn("image", "varchar(256)")
      .addColumn("cost_price", MONEY, zeroUnlessEmpty)
      .addColumn("selling_price", MONEY, zeroUnlessEmpty)
      .addColumn("min_price", MONEY, zeroUnlessEmpty)
      .addColumn("min_stock", QUANTITY, zeroUnlessEmpty)
      .addColumn("max_stock", QUANTITY, zeroUnlessEmpty)
      .addColumn("reorder_level", QUANTITY, zeroUnlessEmpty)
      .addColumn("is_active", "boolean", yes)
      .addColumn("is_sellable", "boolean", yes)
      .addColumn("is_purchasable", "boolean", yes)
      .addColumn("track_inventory", "boolean", yes)
      .addColumn("has_expiry", "boolean", no)
      .addColumn("has_serial", "boolean", no)
      // No rate is assumed; the legacy application's default was one country's.
      .addColumn("tax_rate", PERCENT, zeroUnlessEmpty)
      .addColumn("created_at", "timestamptz", now)
      .addColumn("updated_at", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("warehouses")
      .addColumn("id", ID, identity)
      .addColumn("name", "varchar(128)", required)
      .addColumn("name_en", "varchar(128)")
      .addColumn("code", "varchar(20)", unique)
      .addColumn("branch_id", ID, references("branches"))
      .addColumn("address", "text")
      .addColumn("manager_id", ID, references("users"))
      .addColumn("is_active", "boolean", yes)
      .addColumn("created_at", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("stocks")
      .addColumn("id", ID, identity)
      .addColumn("product_id", ID, requires("products"))
      .addColumn("warehouse_id", ID, requires("warehouses"))
      // May go below zero: goods are sold before their purchase is entered.
      .addColumn("quantity", QUANTITY, zero)
      .addColumn("reserved_quantity", QUANTITY, zero)
      .addColumn("damaged_quantity", QUANTITY, zero)
      // Not generated from the others: the legacy application writes it now and then only, and it drifts.
      .addColumn("available_quantity", QUANTITY, zero)
      .addColumn("last_updated", "timestamptz", now)
      .addUniqueConstraint("stocks_product_id_warehouse_id_key", ["product_id", "warehouse_id"])
      .execute();

    await db.schema
      .createTable("damaged_inventory")
      .addColumn("id", ID, identity)
      .addColumn("product_id", ID, requires("products"))
      .addColumn("warehouse_id", ID, requires("warehouses"))
      .addColumn("quantity", QUANTITY, atLeastZero("quantity"))
      .addColumn("reason", "varchar(200)")
      // Open: expired, broken, defective, and what else can happen to goods.
      .addColumn("damage_type", "varchar(50)")
      .addColumn("cost_value", MONEY, zero)
      .addColumn("notes", "text")
      .addColumn("user_id", ID, references("users"))
      .addColumn("created_at", "timestamptz", now)
      .execute();
  },
};
