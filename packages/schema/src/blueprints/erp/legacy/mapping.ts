import type { LegacyMapping, ReferenceMapping, TableMapping } from "../../../legacy/legacy-system.ts";
import { KEPT_TABLES } from "./master-list.ts";

/** Whose these rows are is said by the license, and by the file that they lie in; the rest of them is kept. */
const LICENSES: TableMapping = {
  target: null,
  ownerColumn: "license_key",
  secrets: ["admin_password_hash"],
};

/** Nearly everything goes into the table and column of its own name: the blueprint's tables are the application's. */
export const mapping: LegacyMapping = {
  tables: {
    license: LICENSES,
    licenses: LICENSES,
    license_checks: { target: null, ownerColumn: "license_id" },
    users: {
      columns: {
        license_id: {
          targets: [],
          reason: "it is an id in the central list of licenses: whose a user is, his tenant says",
        },
      },
      hidden: ["password_hash"],
    },
    stock_movements: {
      references: [
        ...byKind("reference", "sales_invoices", ["sales_invoice", "sales_invoice_cancel"]),
        ...byKind("reference", "purchase_invoices", ["purchase_invoice", "purchase_invoice_cancel"]),
        ...byKind("reference", "pos_orders", ["pos_order"]),
        ...byKind("reference", "damaged_inventory", ["damaged"]),
      ],
      equal: [
        {
          column: "reference_id",
          to: "product_id",
          when: { column: "reference_type", in: ["initial_stock"] },
        },
      ],
    },
    payments: {
      references: [
        ...byKind("party", "customers", ["customer"]),
        ...byKind("party", "suppliers", ["supplier"]),
      ],
    },
    journal_entries: {
      references: [
        ...byKind("reference", "sales_invoices", ["sales_invoice"]),
        ...byKind("reference", "purchase_invoices", ["purchase_invoice"]),
        ...byKind("reference", "payments", ["payment"]),
      ],
    },
  },
  ignored: [],
  kept: Object.values(KEPT_TABLES),
  afterLoad: [],
};

/** What a pair of columns, a kind and an id, refers to. Generated columns carry the foreign keys (see `derivedFrom`). */
function byKind(pair: "reference" | "party", table: string, kinds: readonly string[]): ReferenceMapping[] {
  return [{ column: `${pair}_id`, table, when: { column: `${pair}_type`, in: kinds } }];
}
