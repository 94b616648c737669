import { quoteIdentifier } from "@tenantry/schema";
import pg from "pg";

/** What a tenant's tables are filled with, parents first. */
export type Filling = Readonly<Record<string, Rows>>;

interface Rows {
  /** In proportion to the other tables'. */
  readonly share: number;
  readonly columns: string;
  /** SQL of row `n`, from 1. `{table}` stands for how many rows a table before it has, `{money}` for some amount. */
  readonly values: string;
}

/** A shop of the `erp` blueprint after some years: mostly journal entries, invoice lines and stock movements. */
export const SHOP: Filling = {
  users: {
    share: 20,
    columns: "id, username, email",
    values: "n, 'user' || n, 'user' || n || '@example.com'",
  },
  warehouses: { share: 3, columns: "id, name", values: "n, 'Warehouse ' || n" },
  accounts: {
    share: 60,
    columns: "id, code, name, account_type",
    values: "n, '1' || n, 'Account ' || n, 'asset'",
  },
  products: { share: 3_000, columns: "id, name, code", values: "n, 'منتج Product ' || n, 'P' || n" },
  customers: { share: 5_000, columns: "id, code, name", values: "n, 'C' || n, 'عميل Customer ' || n" },
  sales_invoices: {
    share: 25_000,
    columns: "id, invoice_number, invoice_date, customer_id, subtotal, total_amount",
    values: "n, 'INV-' || n, DATE '2024-01-01' + n % 900, 1 + n % {customers}, {money}, {money}",
  },
  sales_invoice_items: {
    share: 85_000,
    columns: "id, invoice_id, product_id, quantity, unit_price, total",
    values: "n, 1 + n % {sales_invoices}, 1 + n % {products}, 1 + n % 9, {money}, {money}",
  },
  journal_entries: {
    share: 30_000,
    columns: "id, entry_number, entry_date, entry_type, reference_type, reference_id",
    values: "n, 'JE-' || n, DATE '2024-01-01' + n % 900, 'auto', 'sales_invoice', 1 + n % {sales_invoices}",
  },
  journal_entry_items: {
    share: 96_917,
    columns: "id, journal_entry_id, account_id, description, debit, credit",
    values: "n, 1 + n % {journal_entries}, 1 + n % {accounts}, 'Sale of ' || n, {money}, {money}",
  },
  stock_movements: {
    share: 60_000,
    columns: "id, product_id, warehouse_id, movement_type, quantity, reference_type, reference_id",
    values:
      "n, 1 + n % {products}, 1 + n % {warehouses}, 'out', 1 + n % 9, 'sales_invoice', 1 + n % {sales_invoices}",
  },
};

/** A practice of the `booking` blueprint after some years. */
export const PRACTICE: Filling = {
  services: { share: 1, columns: "id, name, duration_minutes", values: "n, 'Service ' || n, 60" },
  users: { share: 2_000, columns: "user_id, username", values: "n, 'guest' || n" },
  bookings: {
    share: 6_000,
    columns: "id, date, time, user_id",
    values: "n, DATE '2024-01-01' + n / 10, TIME '08:00' + n % 10 * INTERVAL '1 hour', 1 + n % {users}",
  },
  booking_history: {
    share: 6_000,
    columns: "id, booking_id, action, changed_by, changed_by_type",
    values: "n, 1 + n % {bookings}, 'created', 1 + n % {users}, 'user'",
  },
  analytics: {
    share: 4_000,
    columns: "id, user_id, event, data",
    values: "n, 1 + n % {users}, 'opened', jsonb_build_object('page', n % 7, 'took', {money})",
  },
  audit_log: {
    share: 2_000,
    columns: "id, admin_id, action, details",
    values: "n, 1, 'changed', jsonb_build_object('booking', n)",
  },
};

/**
 * Fills the tables of an empty tenant on the server, each time with the same rows.
 *
 * @param superuserUrl of the tenant's database: nobody looks at keys, though they hold
 * @returns how many rows there are
 */
export async function fillTenant(
  superuserUrl: string,
  schema: string,
  filling: Filling,
  rows: number,
): Promise<number> {
  const whole = Object.values(filling).reduce((sum, { share }) => sum + share, 0);
  const counts = new Map<string, number>();
  const client = new pg.Client({ connectionString: superuserUrl });
  await client.connect();
  try {
    await client.query(
      `BEGIN; SET LOCAL session_replication_role = replica; SET LOCAL search_path = ${quoteIdentifier(schema)}; SELECT setseed(0.5)`,
    );
    for (const [table, { share, columns, values }] of Object.entries(filling)) {
      const count = Math.max(1, Math.round((share * rows) / whole));
      counts.set(table, count);
      const given = values.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
        name === "money" ? "round((random() * 10000)::numeric, 2)" : String(counts.get(name)),
      );
      await client.query(
        `INSERT INTO ${table} (${columns}) SELECT ${given} FROM generate_series(1, ${count}) AS n`,
      );
    }
    await client.query("COMMIT");
    await client.query("VACUUM (ANALYZE)");
  } finally {
    await client.end();
  }
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
