import type { CreateTableBuilder } from "kysely";
import type { NamedMigration } from "../../../blueprint/define.ts";
import {
  atLeastZero,
  derivedFrom,
  ID,
  identity,
  MONEY,
  no,
  now,
  oneOf,
  parentIn,
  partOf,
  references,
  required,
  requiredOneOf,
  requiredUnique,
  requires,
  state,
  unique,
  yes,
  zero,
} from "./columns.ts";

/** Which account each kind of automatic entry goes to. */
const DEFAULT_ACCOUNTS = [
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
] as const;

export const accounting: NamedMigration = {
  name: "0007_accounting",
  async up(db) {
    await db.schema
      .createTable("accounts")
      .addColumn("id", ID, identity)
      .addColumn("code", "varchar(20)", requiredUnique)
      .addColumn("name", "varchar(128)", required)
      .addColumn("name_en", "varchar(128)")
      .addColumn(
        "account_type",
        "varchar(20)",
        requiredOneOf("account_type", ["asset", "liability", "equity", "revenue", "expense"]),
      )
      .addColumn("parent_id", ID, parentIn("accounts"))
      .addColumn("debit_balance", MONEY, zero)
      .addColumn("credit_balance", MONEY, zero)
      .addColumn("current_balance", MONEY, zero)
      .addColumn("is_active", "boolean", yes)
      .addColumn("is_system", "boolean", no)
      .addColumn("description", "text")
      .addColumn("created_at", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("cost_centers")
      .addColumn("id", ID, identity)
      .addColumn("code", "varchar(20)", requiredUnique)
      .addColumn("name", "varchar(128)", required)
      .addColumn("name_en", "varchar(128)")
      .addColumn("parent_id", ID, parentIn("cost_centers"))
      .addColumn("is_active", "boolean", yes)
      .addColumn("description", "text")
      .addColumn("created_at", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("bank_accounts")
      .addColumn("id", ID, identity)
      .addColumn("account_name", "varchar(128)", required)
      .addColumn("account_number", "varchar(64)", unique)
      .addColumn("bank_name", "varchar(128)")
      .addColumn("branch", "varchar(128)")
      .addColumn("iban", "varchar(64)")
      .addColumn("swift_code", "varchar(20)")
      .addColumn("currency", "varchar(3)")
      .addColumn("current_balance", MONEY, zero)
      .addColumn("account_id", ID, references("accounts"))
      .addColumn("is_active", "boolean", yes)
      .addColumn("created_at", "timestamptz", now)
      .execute();

    await db.schema
      .createTable("payments")
      .addColumn("id", ID, identity)
      .addColumn("payment_number", "varchar(64)", requiredUnique)
      .addColumn("payment_date", "date", required)
      .addColumn("payment_type", "varchar(20)", requiredOneOf("payment_type", ["receipt", "payment"]))
      .addColumn("party_type", "varchar(20)", oneOf("party_type", ["customer", "supplier"]))
      .addColumn("party_id", ID)
      .addColumn("amount", MONEY, atLeastZero("amount"))
      .addColumn("payment_method", "varchar(20)", oneOf("payment_method", ["cash", "bank", "check", "card"]))
      .addColumn("bank_account_id", ID, references("bank_accounts"))
      .addColumn("check_number", "varchar(64)")
      .addColumn("check_date", "date")
      .addColumn("reference_number", "varchar(64)")
      .addColumn("notes", "text")
      .addColumn("status", "varchar(20)", state("status", ["draft", "posted", "cancelled"]))
      .addColumn("user_id", ID, references("users"))
      .addColumn("created_at", "timestamptz", now)
      .addColumn("customer_id", ID, derivedFrom("party_type", "party_id", ["customer"], "customers"))
      .addColumn("supplier_id", ID, derivedFrom("party_type", "party_id", ["supplier"], "suppliers"))
      .execute();

    await db.schema
      .createTable("journal_entries")
      .addColumn("id", ID, identity)
      .addColumn("entry_number", "varchar(64)", requiredUnique)
      .addColumn("entry_date", "date", required)
      .addColumn("entry_type", "varchar(20)", state("entry_type", ["manual", "auto", "opening", "closing"]))
      // Entries made by hand refer to nothing.
      .addColumn(
        "reference_type",
        "varchar(50)",
        oneOf("reference_type", ["sales_invoice", "purchase_invoice", "payment"]),
      )
      .addColumn("reference_id", ID)
      .addColumn("description", "text")
      // Not compared with each other: legacy totals are sums of doubles, equal only up to noise.
      .addColumn("total_debit", MONEY, zero)
      .addColumn("total_credit", MONEY, zero)
      .addColumn("status", "varchar(20)", state("status", ["draft", "posted", "cancelled"]))
      .addColumn("user_id", ID, references("users"))
      .addColumn("posted_by", ID, references("users"))
      .addColumn("posted_at", "timestamptz")
      .addColumn("created_at", "timestamptz", now)
      .addColumn("updated_at", "timestamptz", now)
      .addColumn(
        "sales_invoice_id",
        ID,
        derivedFrom("reference_type", "reference_id", ["sales_invoice"], "sales_invoices"),
      )
      .addColumn(
        "purchase_invoice_id",
        ID,
        derivedFrom("reference_type", "reference_id", ["purchase_invoice"], "purchase_invoices"),
      )
      .addColumn("payment_id", ID, derivedFrom("reference_type", "reference_id", ["payment"], "payments"))
      .execute();

    await db.schema
      .createTable("journal_entry_items")
      .addColumn("id", ID, identity)
      .addColumn("journal_entry_id", ID, partOf("journal_entries"))
      .addColumn("account_id", ID, requires("accounts"))
      .addColumn("description", "varchar(256)")
      .addColumn("debit", MONEY, zero)
      .addColumn("credit", MONEY, zero)
      .execute();

    let settings: CreateTableBuilder<string, string> = db.schema
      .createTable("accounting_settings")
      .addColumn("id", ID, identity);
    for (const column of DEFAULT_ACCOUNTS) settings = settings.addColumn(column, ID, references("accounts"));
    await settings
      .addColumn("default_bank_account_id", ID, references("bank_accounts"))
      .addColumn("auto_create_journal_entries", "boolean", yes)
      .addColumn("auto_post_journal_entries", "boolean", no)
      .addColumn("created_at", "timestamptz", now)
      .addColumn("updated_at", "timestamptz", now)
      .execute();
  },
};
