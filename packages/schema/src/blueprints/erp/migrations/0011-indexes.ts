import type { NamedMigration } from "../../../blueprint/define.ts";

/**
 * An index for each foreign key that no unique constraint begins with, so that neither deleting a row nor listing what
 * belongs to it reads whole tables.
 */
const FOREIGN_KEYS: Readonly<Record<string, readonly string[]>> = {
  role_permissions: ["permission_id"],
  branches: ["company_id", "manager_id"],
  users: ["branch_id", "role_id"],
  security_logs: ["user_id"],
  session_logs: ["user_id"],
  ip_whitelist: ["created_by"],

  categories: ["parent_id"],
  products: ["category_id", "unit_id"],
  warehouses: ["branch_id", "manager_id"],
  stocks: ["warehouse_id"],
  damaged_inventory: ["product_id", "warehouse_id", "user_id"],
  stock_movements: [
    "product_id",
    "warehouse_id",
    "user_id",
    "sales_invoice_id",
    "purchase_invoice_id",
    "pos_order_id",
    "damaged_inventory_id",
  ],

  quotations: ["customer_id", "user_id"],
  quotation_items: ["quotation_id", "product_id"],
  sales_orders: ["customer_id", "warehouse_id", "user_id"],
  pos_sessions: ["cashier_id", "warehouse_id"],
  pos_orders: ["session_id", "customer_id"],
  pos_order_items: ["order_id", "product_id"],
  sales_invoices: [
    "customer_id",
    "warehouse_id",
    "quotation_id",
    "sales_order_id",
    "pos_order_id",
    "user_id",
  ],
  sales_invoice_items: ["invoice_id", "product_id"],

  purchase_orders: ["supplier_id", "warehouse_id", "user_id"],
  purchase_order_items: ["purchase_order_id", "product_id"],
  purchase_invoices: ["supplier_id", "warehouse_id", "purchase_order_id", "user_id"],
  purchase_invoice_items: ["invoice_id", "product_id"],
  purchase_returns: ["supplier_id", "purchase_invoice_id", "warehouse_id", "user_id"],
  purchase_return_items: ["return_id", "product_id"],

  accounts: ["parent_id"],
  cost_centers: ["parent_id"],
  bank_accounts: ["account_id"],
  payments: ["bank_account_id", "user_id", "customer_id", "supplier_id"],
  journal_entries: ["user_id", "posted_by", "sales_invoice_id", "purchase_invoice_id", "payment_id"],
  journal_entry_items: ["journal_entry_id", "account_id"],
  accounting_settings: [
    "sales_revenue_account_id",
    "sales_tax_account_id",
    "sales_discount_account_id",
    "accounts_receivable_account_id",
    "sales_cost_account_id",
    "purchase_expense_account_id",
    "purchase_tax_account_id",
    "purchase_discount_account_id",
    "accounts_payable_account_id",
    "inventory_account_id",
    "inventory_adjustment_account_id",
    "cash_account_id",
    "pos_cash_account_id",
    "pos_card_account_id",
    "default_bank_account_id",
  ],

  leads: ["assigned_to", "customer_id", "created_by"],
  opportunities: ["customer_id", "lead_id", "assigned_to", "created_by"],
  interactions: ["lead_id", "customer_id", "opportunity_id", "created_by"],
  tasks: ["lead_id", "customer_id", "opportunity_id", "assigned_to", "created_by"],
  campaigns: ["assigned_to", "created_by"],
  contacts: ["customer_id"],

  departments: ["parent_id", "manager_id"],
  positions: ["department_id"],
  employees: ["user_id", "department_id", "position_id", "branch_id"],
  leaves: ["employee_id", "leave_type_id", "approved_by"],
};

/**
 * Of the legacy application's other indexes, the two that a look-up uses: a till scans barcodes, and the security log
 * is read newest first. Those on names are left out: names are searched by a part of them, which no B-tree helps with.
 */
const LOOKUPS: Readonly<Record<string, readonly string[]>> = {
  products: ["barcode"],
  security_logs: ["created_at"],
};

export const indexes: NamedMigration = {
  name: "0011_indexes",
  async up(db) {
    for (const [table, columns] of [...Object.entries(FOREIGN_KEYS), ...Object.entries(LOOKUPS)]) {
      for (const column of columns) {
        await db.schema.createIndex(`${table}_${column}_idx`).on(table).column(column).execute();
      }
    }
  },
};
