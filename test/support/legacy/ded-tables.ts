/**
 * The tables of the old ERP ("ded"), every one with its columns, as its own model declares them. Each table begins with
 * `id INTEGER NOT NULL PRIMARY KEY`. Types: i INTEGER, f FLOAT, b BOOLEAN, d DATE, t DATETIME, x TEXT, v64 VARCHAR(64).
 * `!` NOT NULL, `^` unique, `>table` a declared foreign key to that table's id, which SQLite never enforced.
 */
const NOTATION: Readonly<Record<string, string>> = {
  license: `license_key v64!^, license_hash v128!, client_name v128!, client_email v120, client_phone v20,
     client_company v128, license_type v20, max_users i, max_branches i, is_active b, is_suspended b,
     suspension_reason x, created_at t, activated_at t, expires_at t, last_check t, machine_id v128,
     ip_address v45, admin_username v64, admin_password_hash v256, notes x`,
  license_checks: `license_id i!>license, check_time t, is_valid b, check_result v256, ip_address v45, machine_id v128`,
  users: `username v64!^, email v120!^, password_hash v256, full_name v128, phone v20, is_active b, is_admin b,
     language v5, branch_id i>branches, role_id i>roles, license_id i>license, created_at t, last_login t,
     failed_login_attempts i, account_locked_until t, last_failed_login t, password_changed_at t,
     must_change_password b, last_ip_address v45`,
  roles: `name v64!^, name_ar v64, description v256, description_en v256`,
  permissions: `name v64!^, name_ar v64, module v64`,
  role_permissions: `role_id i>roles, permission_id i>permissions`,
  security_logs: `user_id i>users, event_type v50!, ip_address v45, user_agent v256, details x, severity v20,
     created_at t`,
  session_logs: `user_id i>users, session_id v256^, ip_address v45, user_agent v256, login_at t, last_activity t,
     logout_at t, is_active b`,
  ip_whitelist: `ip_address v45!^, description v256, is_active b, created_by i>users, created_at t`,
  companies: `name v128!, name_en v128, tax_number v64, commercial_register v64, address x, city v64, country v64,
     phone v20, email v120, website v128, logo v256, currency v3, tax_rate f, invoice_template v50,
     created_at t`,
  branches: `name v128!, name_en v128, code v20^, company_id i>companies, address x, city v64, phone v20,
     manager_id i>users, is_active b, created_at t`,
  categories: `name v128!, name_en v128, code v20^, parent_id i>categories, description x, is_active b,
     created_at t`,
  units: `name v64!, name_en v64, symbol v10, is_active b`,
  products: `name v256!, name_en v256, code v64!^, barcode v128, sku v64, category_id i>categories,
     unit_id i>units, description x, image v256, cost_price f, selling_price f, min_price f, min_stock f,
     max_stock f, reorder_level f, is_active b, is_sellable b, is_purchasable b, track_inventory b,
     has_expiry b, has_serial b, tax_rate f, created_at t, updated_at t`,
  warehouses: `name v128!, name_en v128, code v20^, branch_id i>branches, address x, manager_id i>users,
     is_active b, created_at t`,
  stocks: `product_id i!>products, warehouse_id i!>warehouses, quantity f, reserved_quantity f,
     damaged_quantity f, available_quantity f, last_updated t`,
  stock_movements: `product_id i!>products, warehouse_id i!>warehouses, movement_type v20, quantity f!,
     reference_type v50, reference_id i, notes x, user_id i>users, created_at t`,
  damaged_inventory: `product_id i!>products, warehouse_id i!>warehouses, quantity f!, reason v200, damage_type v50,
     cost_value f, notes x, user_id i>users, created_at t`,
  customers: `code v20!^, name v128!, name_en v128, email v120, phone v20, mobile v20, address x, city v64,
     country v64, tax_number v64, commercial_register v64, customer_type v20, credit_limit f,
     current_balance f, payment_terms i, category v64, rating i, is_active b, notes x, created_at t,
     updated_at t`,
  sales_invoices: `invoice_number v64!^, invoice_date d!, customer_id i!>customers, warehouse_id i>warehouses,
     subtotal f, discount_amount f, discount_percentage f, tax_amount f, total_amount f, paid_amount f,
     remaining_amount f, status v20, payment_status v20, notes x, terms_conditions x,
     quotation_id i>quotations, sales_order_id i>sales_orders, pos_order_id i>pos_orders, user_id i>users,
     created_at t, updated_at t`,
  sales_invoice_items: `invoice_id i!>sales_invoices, product_id i!>products, description v256, quantity f!, unit_price f!,
     discount_percentage f, discount_amount f, tax_rate f, tax_amount f, total f`,
  quotations: `quotation_number v64!^, quotation_date d!, valid_until d, customer_id i!>customers, subtotal f,
     discount_amount f, tax_amount f, total_amount f, status v20, notes x, user_id i>users, created_at t`,
  quotation_items: `quotation_id i!>quotations, product_id i!>products, description v256, quantity f!, unit_price f!,
     discount_percentage f, tax_rate f, total f`,
  sales_orders: `order_number v64!^, order_date d!, delivery_date d, customer_id i!>customers,
     warehouse_id i>warehouses, total_amount f, status v20, user_id i>users, created_at t`,
  suppliers: `code v20!^, name v128!, name_en v128, email v120, phone v20, mobile v20, address x, city v64,
     country v64, tax_number v64, commercial_register v64, credit_limit f, current_balance f,
     payment_terms i, category v64, rating i, is_active b, notes x, created_at t, updated_at t`,
  purchase_orders: `order_number v64!^, order_date d!, expected_delivery d, supplier_id i!>suppliers,
     warehouse_id i>warehouses, subtotal f, discount_amount f, tax_amount f, total_amount f, status v20,
     notes x, user_id i>users, created_at t, updated_at t`,
  purchase_order_items: `purchase_order_id i!>purchase_orders, product_id i!>products, description v256, quantity f!,
     received_quantity f, unit_price f!, discount_percentage f, tax_rate f, total f`,
  purchase_invoices: `invoice_number v64!^, invoice_date d!, supplier_invoice_number v64, supplier_id i!>suppliers,
     warehouse_id i>warehouses, purchase_order_id i>purchase_orders, subtotal f, discount_amount f,
     tax_amount f, total_amount f, paid_amount f, remaining_amount f, status v20, payment_status v20,
     notes x, user_id i>users, created_at t, updated_at t`,
  purchase_invoice_items: `invoice_id i!>purchase_invoices, product_id i!>products, description v256, quantity f!,
     unit_price f!, discount_percentage f, tax_rate f, total f`,
  purchase_returns: `return_number v64!^, return_date d!, supplier_id i!>suppliers,
     purchase_invoice_id i>purchase_invoices, warehouse_id i>warehouses, total_amount f, reason x,
     status v20, user_id i>users, created_at t`,
  purchase_return_items: `return_id i!>purchase_returns, product_id i!>products, quantity f!, unit_price f!, total f`,
  pos_sessions: `session_number v64!^, cashier_id i!>users, warehouse_id i>warehouses, opening_time t!,
     closing_time t, opening_balance f, closing_balance f, total_sales f, total_cash f, total_card f,
     status v20, notes x, created_at t`,
  pos_orders: `order_number v64!^, order_date t!, session_id i!>pos_sessions, customer_id i>customers, subtotal f,
     discount_amount f, tax_amount f, total_amount f, payment_method v20, cash_amount f, card_amount f,
     change_amount f, status v20, notes x, created_at t`,
  pos_order_items: `order_id i!>pos_orders, product_id i!>products, quantity f!, unit_price f!, discount_percentage f,
     discount_amount f, tax_rate f, tax_amount f, total f`,
  accounts: `code v20!^, name v128!, name_en v128, account_type v20!, parent_id i>accounts, debit_balance f,
     credit_balance f, current_balance f, is_active b, is_system b, description x, created_at t`,
  journal_entries: `entry_number v64!^, entry_date d!, entry_type v20, reference_type v50, reference_id i, description x,
     total_debit f, total_credit f, status v20, user_id i>users, posted_by i>users, posted_at t,
     created_at t, updated_at t`,
  journal_entry_items: `journal_entry_id i!>journal_entries, account_id i!>accounts, description v256, debit f, credit f`,
  payments: `payment_number v64!^, payment_date d!, payment_type v20!, party_type v20, party_id i, amount f!,
     payment_method v20, bank_account_id i>bank_accounts, check_number v64, check_date d,
     reference_number v64, notes x, status v20, user_id i>users, created_at t`,
  bank_accounts: `account_name v128!, account_number v64^, bank_name v128, branch v128, iban v64, swift_code v20,
     currency v3, current_balance f, account_id i>accounts, is_active b, created_at t`,
  cost_centers: `code v20!^, name v128!, name_en v128, parent_id i>cost_centers, is_active b, description x,
     created_at t`,
  accounting_settings: `sales_revenue_account_id i>accounts, sales_tax_account_id i>accounts,
     sales_discount_account_id i>accounts, accounts_receivable_account_id i>accounts,
     sales_cost_account_id i>accounts, purchase_expense_account_id i>accounts,
     purchase_tax_account_id i>accounts, purchase_discount_account_id i>accounts,
     accounts_payable_account_id i>accounts, inventory_account_id i>accounts,
     inventory_adjustment_account_id i>accounts, cash_account_id i>accounts,
     default_bank_account_id i>bank_accounts, pos_cash_account_id i>accounts,
     pos_card_account_id i>accounts, auto_create_journal_entries b, auto_post_journal_entries b,
     created_at t, updated_at t`,
  system_settings: `setting_key v64!^, setting_value x, setting_type v20, description x, module v50, is_active b,
     created_at t, updated_at t`,
  leads: `code v20!^, name v128!, company v128, title v64, email v120, phone v20, mobile v20, website v200,
     address x, city v64, country v64, source v64, status v20, rating i, expected_revenue f,
     probability i, expected_close_date d, assigned_to i>users, converted_to_customer b,
     customer_id i>customers, converted_date t, description x, notes x, created_at t, updated_at t,
     created_by i>users`,
  interactions: `interaction_type v20!, subject v200!, description x, lead_id i>leads, customer_id i>customers,
     opportunity_id i>opportunities, interaction_date t, duration i, outcome v200, created_by i>users,
     created_at t`,
  opportunities: `code v20!^, name v200!, description x, customer_id i!>customers, lead_id i>leads, amount f,
     probability i, stage v20, expected_close_date d, actual_close_date d, assigned_to i>users,
     is_active b, notes x, created_at t, updated_at t, created_by i>users`,
  tasks: `title v200!, description x, task_type v20, priority v20, lead_id i>leads, customer_id i>customers,
     opportunity_id i>opportunities, due_date t, completed_date t, status v20, assigned_to i>users,
     created_at t, updated_at t, created_by i>users`,
  campaigns: `code v20!^, name v200!, description x, campaign_type v20, status v20, start_date d, end_date d,
     budget f, actual_cost f, expected_revenue f, actual_revenue f, target_audience i, leads_generated i,
     conversions i, assigned_to i>users, is_active b, notes x, created_at t, updated_at t,
     created_by i>users`,
  contacts: `first_name v64!, last_name v64!, title v64, customer_id i>customers, email v120, phone v20,
     mobile v20, linkedin v200, twitter v200, is_primary b, is_active b, notes x, created_at t,
     updated_at t`,
  employees: `employee_number v20!^, user_id i>users, first_name v64!, last_name v64!, first_name_en v64,
     last_name_en v64, national_id v20^, passport_number v20, date_of_birth d, gender v10,
     marital_status v20, nationality v64, email v120, phone v20, mobile v20, address x, city v64,
     department_id i>departments, position_id i>positions, branch_id i>branches, hire_date d,
     contract_type v20, employment_status v20, basic_salary f, photo v256, is_active b, created_at t,
     updated_at t`,
  departments: `name v128!, name_en v128, code v20^, parent_id i>departments, manager_id i>employees, description x,
     is_active b, created_at t`,
  positions: `name v128!, name_en v128, code v20^, department_id i>departments, description x, is_active b,
     created_at t`,
  attendance: `employee_id i!>employees, attendance_date d!, check_in t, check_out t, status v20, working_hours f,
     overtime_hours f, notes x, created_at t`,
  leaves: `employee_id i!>employees, leave_type_id i!>leave_types, start_date d!, end_date d!, days_count i!,
     reason x, status v20, approved_by i>users, approved_at t, created_at t`,
  leave_types: `name v64!, name_en v64, days_per_year i, is_paid b, is_active b`,
  payrolls: `employee_id i!>employees, month i!, year i!, basic_salary f, allowances f, deductions f, overtime f,
     net_salary f, status v20, payment_date d, created_at t`,
};

/** Sets of columns that the model declares unique together. */
const UNIQUE_TOGETHER: Readonly<Record<string, readonly string[]>> = {
  stocks: ["product_id", "warehouse_id"],
  attendance: ["employee_id", "attendance_date"],
  payrolls: ["employee_id", "month", "year"],
};

export type DedType = "INTEGER" | "FLOAT" | "BOOLEAN" | "DATE" | "DATETIME" | "TEXT" | `VARCHAR(${number})`;

export interface DedColumn {
  readonly name: string;
  readonly type: DedType;
  readonly required: boolean;
  readonly unique: boolean;
  readonly references: string | null;
}

export interface DedTable {
  readonly name: string;
  /** Without `id`. */
  readonly columns: readonly DedColumn[];
  readonly uniqueTogether: readonly string[];
}

const TYPES: Readonly<Record<string, DedType>> = {
  i: "INTEGER",
  f: "FLOAT",
  b: "BOOLEAN",
  d: "DATE",
  t: "DATETIME",
  x: "TEXT",
};

/** In the model's order, which is no order in which they could be filled one after the other. */
export const DED_TABLES: readonly DedTable[] = Object.entries(NOTATION).map(([name, notation]) => ({
  name,
  columns: notation.split(/,\s+/).map((column) => parseColumn(name, column)),
  uniqueTogether: UNIQUE_TOGETHER[name] ?? [],
}));

export function dedTable(name: string): DedTable {
  const table = DED_TABLES.find((each) => each.name === name);
  if (table === undefined) throw new Error(`the old ERP has no table ${name}`);
  return table;
}

function parseColumn(table: string, notation: string): DedColumn {
  const [, name, short = "", required, unique, references = null] =
    /^(\w+) ([ifbdtx]|v\d+)(!?)(\^?)(?:>(\w+))?$/.exec(notation) ?? [];
  if (name === undefined) throw new Error(`${table}: can't read ${notation}`);
  const type = TYPES[short] ?? (`VARCHAR(${short.slice(1)})` as DedType);
  return { name, type, required: required !== "", unique: unique !== "", references };
}
