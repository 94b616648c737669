import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { columnsIn, type DedVersion, licenseTable } from "./ded-database.ts";
import { DED_TABLES, type DedColumn, type DedTable, dedTable } from "./ded-tables.ts";

/** Rows by table: as many as are wanted, with ids from 1 on. */
export type RowCounts = Readonly<Record<string, number>>;

/** What the program itself puts into each file. */
const LEAST: RowCounts = { companies: 1, branches: 1, roles: 3, units: 5, accounts: 5, users: 1 };

type Row = Readonly<Record<string, SQLInputValue>>;

/** The first rows of some tables, over what is made up: as the program seeds them. */
const SEEDED: Readonly<Record<string, readonly Row[]>> = {
  roles: [
    { name: "admin", name_ar: "مدير النظام", description: "Full system access" },
    { name: "manager", name_ar: "مدير", description: "Manager access" },
    { name: "user", name_ar: "مستخدم", description: "Basic user access" },
  ],
  branches: [{ name: "الفرع الرئيسي", name_en: "Main Branch", code: "MAIN" }],
  accounts: [
    { code: "1000", name: "الأصول", name_en: "Assets", account_type: "asset", parent_id: null },
    { code: "2000", name: "الخصوم", name_en: "Liabilities", account_type: "liability", parent_id: null },
    { code: "3000", name: "حقوق الملكية", name_en: "Equity", account_type: "equity", parent_id: null },
    { code: "4000", name: "الإيرادات", name_en: "Revenue", account_type: "revenue", parent_id: null },
    { code: "5000", name: "المصروفات", name_en: "Expenses", account_type: "expense", parent_id: null },
  ],
};

/** Columns that hold one of a few words, and those that mean something together with another. */
const TYPICAL: Readonly<Record<string, SQLInputValue>> = {
  "users.language": "ar",
  "security_logs.event_type": "successful_login",
  "security_logs.severity": "info",
  "companies.currency": "SAR",
  "system_settings.setting_type": "string",
  "stock_movements.movement_type": "in",
  "stock_movements.reference_type": null,
  "stock_movements.reference_id": null,
  "damaged_inventory.damage_type": "expired",
  "customers.customer_type": "individual",
  "quotations.status": "sent",
  "sales_orders.status": "confirmed",
  "sales_invoices.status": "confirmed",
  "sales_invoices.payment_status": "paid",
  "purchase_orders.status": "received",
  "purchase_invoices.status": "confirmed",
  "purchase_invoices.payment_status": "paid",
  "purchase_returns.status": "confirmed",
  "pos_sessions.status": "closed",
  "pos_orders.status": "completed",
  "pos_orders.payment_method": "cash",
  "accounts.account_type": "asset",
  "journal_entries.entry_type": "manual",
  "journal_entries.reference_type": null,
  "journal_entries.reference_id": null,
  "journal_entries.status": "posted",
  "payments.payment_type": "receipt",
  "payments.party_type": null,
  "payments.party_id": null,
  "payments.payment_method": "cash",
  "payments.status": "draft",
  "bank_accounts.currency": "SAR",
  "leads.status": "new",
  "opportunities.stage": "proposal",
  "interactions.interaction_type": "call",
  "tasks.task_type": "call",
  "tasks.priority": "low",
  "tasks.status": "pending",
  "campaigns.campaign_type": "social",
  "campaigns.status": "planning",
  "employees.gender": "female",
  "employees.marital_status": "single",
  "employees.contract_type": "permanent",
  "employees.employment_status": "active",
  "attendance.status": "present",
  "leaves.status": "approved",
  "payrolls.status": "paid",
};

/** Unique together in PostgreSQL although the file doesn't say so: each combination comes once, and none lacks a part. */
const TOGETHER: Readonly<Record<string, readonly string[]>> = {
  role_permissions: ["role_id", "permission_id"],
};

const FIRST_DAY_MS = Date.UTC(2024, 6, 1);
const DAY_MS = 86_400_000;
const DAYS = 3_650;
/** An ordinary price whose multiples carry the noise of doubles. */
const PRICE = 42.51;
const TEXT = "شركة النخبة – فرع \u200f1";

/**
 * Fills a file's tables, as consistent as the program leaves them: what refers points at a row that is there, what is
 * unique is so, every parent stands after its children (`parent_id` is the last row's). Tables that the wanted ones need get a row as
 * well, and each file what the program seeds. Money carries the noise of doubles, texts are Arabic.
 */
export function fillDed(db: DatabaseSync, version: DedVersion, wanted: RowCounts): void {
  const counts = withParents(version, wanted);
  db.exec("BEGIN");
  for (const [name, count] of counts) {
    if (count === 0) continue;
    const table = dedTable(name);
    const columns = columnsIn(version, table) ?? [];
    const names = ["id", ...columns.map((column) => column.name)];
    const target = name === "license" ? licenseTable(version) : name;
    const insert = db.prepare(
      `INSERT INTO ${target} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
    );
    for (let id = 1; id <= count; id++) {
      const seeded = SEEDED[name]?.[id - 1] ?? {};
      insert.run(
        id,
        ...columns.map((column) => seeded[column.name] ?? valueFor(table, column, id, count, counts)),
      );
    }
  }
  db.exec("COMMIT");
}

function withParents(version: DedVersion, wanted: RowCounts): Map<string, number> {
  const counts = new Map(
    DED_TABLES.filter((table) => columnsIn(version, table) !== null).map(({ name }) => [
      name,
      Math.max(wanted[name] ?? 0, LEAST[name] ?? 0),
    ]),
  );
  const unknown = Object.keys(wanted).filter((name) => !counts.has(name));
  if (unknown.length > 0) throw new Error(`such a file has no table ${unknown.join(", ")}`);
  for (let before = -1, sum = 0; sum !== before; ) {
    before = sum;
    for (const [name, count] of counts) {
      if (count === 0) continue;
      for (const { required, references } of dedTable(name).columns) {
        if (references === null || counts.get(references) !== 0) continue;
        if (required || name in TOGETHER) counts.set(references, 1);
      }
    }
    sum = [...counts.values()].reduce((total, count) => total + count, 0);
  }
  return counts;
}

function valueFor(
  table: DedTable,
  column: DedColumn,
  id: number,
  count: number,
  counts: ReadonlyMap<string, number>,
): SQLInputValue {
  const place = `${table.name}.${column.name}`;
  const typical = TYPICAL[place];
  if (typical !== undefined) return typical;
  const together = TOGETHER[table.name] ?? table.uniqueTogether;
  const round = together.includes(column.name) ? rounds(table, together, column.name, id, counts) : id - 1;
  if (column.references !== null) return reference(table, column, id, count, round, counts);
  switch (column.type) {
    case "INTEGER":
      if (column.name === "month") return (round % 12) + 1;
      return column.name === "year" ? 2020 + Math.floor(round / 12) : id % 6;
    case "FLOAT":
      return /tax_rate|percentage/.test(column.name) ? 15 : PRICE * (id % 1000);
    case "BOOLEAN":
      return /^(is_active|is_sellable|is_purchasable|track_inventory|is_paid)$/.test(column.name) ? 1 : 0;
    case "DATE":
      return new Date(FIRST_DAY_MS + (round % DAYS) * DAY_MS).toISOString().slice(0, 10);
    case "DATETIME":
      return moment(column, id);
    default:
      return text(column, id);
  }
}

/** How often the columns before this one, in a set that is unique together, have gone round. */
function rounds(
  table: DedTable,
  together: readonly string[],
  name: string,
  id: number,
  counts: ReadonlyMap<string, number>,
): number {
  let left = id - 1;
  for (const before of together.slice(0, together.indexOf(name))) {
    const parent = table.columns.find((column) => column.name === before)?.references;
    // Months before a year: that column is worked out of the same number.
    if (parent !== null && parent !== undefined) left = Math.floor(left / (counts.get(parent) ?? 1));
  }
  return left;
}

function reference(
  table: DedTable,
  column: DedColumn,
  id: number,
  count: number,
  round: number,
  counts: ReadonlyMap<string, number>,
): number | null {
  // The id in the master, which nothing in the file answers to.
  if (column.references === "license" && table.name === "users") return 7;
  if (column.name === "parent_id") return id < count ? count : null;
  const parents = counts.get(column.references ?? "") ?? 0;
  return parents === 0 ? null : (round % parents) + 1;
}

/** As SQLAlchemy writes them: naive UTC with microseconds; `updated_at` a little after `created_at`. */
function moment(column: DedColumn, id: number): string | null {
  if (/^(account_locked_until|last_failed_login|logout_at|completed_date|converted_date)$/.test(column.name))
    return null;
  const at = new Date(FIRST_DAY_MS + (id % 500) * DAY_MS + id * 1_000).toISOString();
  const micros = String((id * 7_919) % 999_000).padStart(6, "0");
  return `${at.slice(0, 10)} ${at.slice(11, 19)}.${column.name === "updated_at" ? micros.replace(/.$/, "9") : micros}`;
}

function text(column: DedColumn, id: number): string | null {
  const { name, unique, required } = column;
  if (name === "password_hash") return null;
  if (name === "session_id") return `01234567-89ab-4cde-8f01-${String(id).padStart(12, "0")}`;
  if (unique) return `${name.slice(0, 4).toUpperCase()}-${String(id).padStart(6, "0")}`;
  if (!required && id % 3 === 0) return null;
  if (!required && id % 3 === 1) return "";
  const most = Number(/\d+/.exec(column.type)?.[0] ?? 200);
  return [...`${TEXT} ${id}`].slice(0, most).join("");
}
