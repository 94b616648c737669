import { mkdir } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { type DedSource, writeDedSource } from "../../test/support/legacy/ded-source.ts";

/** Of 300,000 rows: about what a shop has after three years. The parts are those of a real file, rounded. */
const MIX: Readonly<Record<string, number>> = {
  users: 20,
  accounts: 60,
  categories: 40,
  warehouses: 3,
  products: 3_000,
  stocks: 3_000,
  customers: 5_000,
  suppliers: 200,
  sales_invoices: 25_000,
  sales_invoice_items: 75_000,
  purchase_invoices: 1_500,
  purchase_invoice_items: 6_000,
  payments: 8_000,
  journal_entries: 30_000,
  journal_entry_items: 90_000,
  security_logs: 2_000,
  stock_movements: 51_167,
};
const MIX_ROWS = 300_000;

export interface LargeFile {
  readonly source: DedSource;
  /** Absolute. */
  readonly file: string;
  readonly rows: number;
  /** Tables that hold rows, with their numbers, parents first but for cycles. */
  readonly tables: readonly { readonly name: string; readonly rows: number }[];
  /** Columns of the file's tables, but those that the new tables don't have. */
  readonly columns: ReadonlyMap<string, readonly string[]>;
}

/** A source of the old ERP with one license, whose file has so many rows in the mix above; `name` is in its key. */
export async function writeLargeFile(folder: string, rows: number, name: string): Promise<LargeFile> {
  await mkdir(folder, { recursive: true });
  const scale = rows / MIX_ROWS;
  const wanted = Object.fromEntries(
    Object.entries(MIX).map(([table, count]) => [table, Math.max(1, Math.round(count * scale))]),
  );
  const source = writeDedSource(folder, {
    licenses: [{ key: `${name}-0000-0000-0001`, file: { rows: wanted, change: referToDocuments } }],
  });
  const file = source.path(source.licenses[0]?.file ?? "");
  return { source, file, ...describe(file) };
}

/** As the program writes them: journal entries and movements come of invoices, which generated keys are to hold. */
function referToDocuments(db: DatabaseSync): void {
  db.exec(`
    UPDATE journal_entries SET entry_type = 'auto', reference_type = 'sales_invoice',
      reference_id = 1 + id % (SELECT count(*) FROM sales_invoices);
    UPDATE stock_movements SET movement_type = 'out', reference_type = 'sales_invoice',
      reference_id = 1 + id % (SELECT count(*) FROM sales_invoices);
    UPDATE payments SET party_type = 'customer', party_id = 1 + id % (SELECT count(*) FROM customers)`);
}

/** Keys that the new schema has and the old one only meant: what they point at has to be there first. */
const UNDECLARED: Readonly<Record<string, readonly string[]>> = {
  stock_movements: ["sales_invoices"],
  journal_entries: ["sales_invoices"],
  payments: ["customers"],
};

/** What the new schema leaves to the control schema, or to nobody. */
const LEFT_OUT: ReadonlySet<string> = new Set(["users.license_id"]);

function describe(file: string): Pick<LargeFile, "rows" | "tables" | "columns"> {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const columns = new Map<string, string[]>();
    const parents = new Map<string, string[]>();
    const counts = new Map<string, number>();
    for (const { name } of db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()) {
      const table = String(name);
      const count = Number(db.prepare(`SELECT count(*) AS n FROM "${table}"`).get()?.n);
      if (count === 0) continue;
      counts.set(table, count);
      const ofTable = db.prepare("SELECT name FROM pragma_table_info(?)").all(table);
      columns.set(
        table,
        ofTable.map((row) => String(row.name)).filter((column) => !LEFT_OUT.has(`${table}.${column}`)),
      );
      const keys = db.prepare(`SELECT "table" AS parent FROM pragma_foreign_key_list(?)`).all(table);
      parents.set(table, [...keys.map((row) => String(row.parent)), ...(UNDECLARED[table] ?? [])]);
    }
    const order: string[] = [];
    const visit = (table: string, under: readonly string[]): void => {
      if (order.includes(table) || under.includes(table) || !counts.has(table)) return;
      for (const parent of parents.get(table) ?? []) visit(parent, [...under, table]);
      order.push(table);
    };
    // Branches name users in a key that can wait for the end of a transaction; the other way round can't.
    visit("branches", ["users"]);
    for (const table of counts.keys()) visit(table, []);
    const tables = order.map((name) => ({ name, rows: counts.get(name) ?? 0 }));
    return { tables, columns, rows: tables.reduce((sum, { rows }) => sum + rows, 0) };
  } finally {
    db.close();
  }
}
