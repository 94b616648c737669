import type { DatabaseSync } from "node:sqlite";
import { DED_TABLES, type DedColumn, type DedTable } from "./ded-tables.ts";

/**
 * Which of the field's forms a file has: `license`, as the program makes them now; `licenses`, as before 31 January 2026;
 * `altered`, such a one that somebody brought up to date by hand; `single`, the single database of before.
 */
export type DedVersion = "license" | "licenses" | "altered" | "single";

/** What the single database doesn't have yet. */
const NOT_IN_SINGLE: ReadonlySet<string> = new Set([
  "stocks.damaged_quantity",
  "sales_invoices.pos_order_id",
  "roles.description_en",
  "companies.invoice_template",
]);

/** Columns that came last by ALTER TABLE, where a file was altered by hand. */
const ALTERED_LAST: Readonly<Record<string, string>> = {
  "roles.description_en": "VARCHAR(256)",
  "stocks.damaged_quantity": "REAL DEFAULT 0.0",
};

/** As somebody wrote it by hand. */
const ALTERED_DAMAGED_INVENTORY = `CREATE TABLE damaged_inventory (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    product_id INTEGER NOT NULL,
    warehouse_id INTEGER NOT NULL,
    quantity REAL NOT NULL,
    reason VARCHAR(200),
    damage_type VARCHAR(50),
    cost_value REAL DEFAULT 0.0,
    notes TEXT,
    user_id INTEGER,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    FOREIGN KEY (product_id) REFERENCES products (id),
    FOREIGN KEY (warehouse_id) REFERENCES warehouses (id),
    FOREIGN KEY (user_id) REFERENCES users (id)
)`;

/** Unique by an index beside the table, as the model's `index=True` makes them; the others by a constraint in it. */
const UNIQUE_BY_INDEX: ReadonlySet<string> = new Set([
  "license.license_key",
  "users.email",
  "users.username",
  "accounts.code",
  "products.code",
  "journal_entries.entry_number",
  "purchase_orders.order_number",
  "purchase_invoices.invoice_number",
  "pos_orders.order_number",
  "sales_invoices.invoice_number",
]);

/** The table of licenses in such a file. */
export function licenseTable(version: DedVersion): "license" | "licenses" {
  return version === "license" ? "license" : "licenses";
}

/** Whether such a file has this table of the model, and which of its columns. */
export function columnsIn(version: DedVersion, table: DedTable): readonly DedColumn[] | null {
  if (version !== "single") return table.columns;
  if (table.name === "damaged_inventory") return null;
  return table.columns.filter(({ name }) => !NOT_IN_SINGLE.has(`${table.name}.${name}`));
}

/** Makes every table of the program, empty. */
export function createDedTables(db: DatabaseSync, version: DedVersion): void {
  for (const table of DED_TABLES) {
    const columns = columnsIn(version, table);
    if (columns === null) continue;
    const [create, ...others] = statements(table, columns, version);
    db.exec([create, ...others].join(";\n"));
  }
  if (version === "single") {
    db.exec("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)");
    db.exec("INSERT INTO alembic_version VALUES ('3a1f5c7e9b20')");
  }
}

function statements(table: DedTable, columns: readonly DedColumn[], version: DedVersion): string[] {
  if (version === "altered" && table.name === "damaged_inventory") return [ALTERED_DAMAGED_INVENTORY];
  const name = table.name === "license" ? licenseTable(version) : table.name;
  const isLast = (column: DedColumn): boolean =>
    version === "altered" && `${table.name}.${column.name}` in ALTERED_LAST;
  const byIndex = columns.filter(({ name }) => UNIQUE_BY_INDEX.has(`${table.name}.${name}`));
  const atOnce = columns.filter((column) => !isLast(column));
  const lines = [
    "id INTEGER NOT NULL",
    ...atOnce.map(({ name, type, required }) => `${name} ${type}${required ? " NOT NULL" : ""}`),
    "PRIMARY KEY (id)",
    ...atOnce
      .filter((column) => column.unique && !byIndex.includes(column))
      .map((column) => `UNIQUE (${column.name})`),
    ...(table.uniqueTogether.length === 0 ? [] : [`UNIQUE (${table.uniqueTogether.join(", ")})`]),
    ...atOnce.flatMap(({ name, references }) =>
      references === null
        ? []
        : [
            `FOREIGN KEY(${name}) REFERENCES ${references === "license" ? licenseTable(version) : references} (id)`,
          ],
    ),
  ];
  return [
    `CREATE TABLE ${name} (\n\t${lines.join(", \n\t")}\n)`,
    ...byIndex.map((column) => `CREATE UNIQUE INDEX ix_${name}_${column.name} ON ${name} (${column.name})`),
    ...columns
      .filter(isLast)
      .map(
        (column) =>
          `ALTER TABLE ${name} ADD COLUMN ${column.name} ${ALTERED_LAST[`${table.name}.${column.name}`]}`,
      ),
  ];
}
