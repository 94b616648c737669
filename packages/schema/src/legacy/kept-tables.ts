import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import type { ImportPlan, LegacyValue } from "./import-plan.ts";
import { UniqueNames } from "./legacy-names.ts";
import type { KeptRows } from "./legacy-system.ts";
import type { TargetDescription } from "./target-description.ts";

/** PostgreSQL parses a statement as a whole, in many times its length. */
const BATCH = 500;

/** SQL that makes a `legacy_…` table of text for each list of rows that belong to the license and lie in another file. */
export function keptTables(
  { plan, kept }: { readonly plan: Pick<ImportPlan, "tables">; readonly kept: readonly KeptRows[] },
  target: Pick<TargetDescription, "tables"> = { tables: [] },
): string[] {
  const taken = [...target.tables.map(({ name }) => name), ...plan.tables.map((table) => table.target)];
  const names = new UniqueNames(taken);
  return kept.flatMap(({ table, columns, rows }) => {
    const columnNames = UniqueNames.ofColumns();
    const columnsOf = columns.map((column) => ({
      source: column,
      name: quoteIdentifier(columnNames.take(column)),
    }));
    const name = quoteIdentifier(names.take(`legacy_${table}`));
    const create = `CREATE TABLE ${name} (${columnsOf.map((column) => `${column.name} text`).join(", ")});\n`;
    if (rows.length === 0 || columns.length === 0) return [create];
    const values = rows.map(
      (row) => `(${columnsOf.map(({ source }) => quoteLiteral(textOf(row[source] ?? null))).join(", ")})`,
    );
    const inserts: string[] = [];
    for (let at = 0; at < values.length; at += BATCH) {
      inserts.push(`INSERT INTO ${name} VALUES ${values.slice(at, at + BATCH).join(", ")};\n`);
    }
    return [create, ...inserts];
  });
}

/** Text that PostgreSQL can't hold is kept as its bytes, in the form that blobs have. */
function textOf(value: LegacyValue): string | null {
  if (value === null) return null;
  if (typeof value === "string" && value.includes("\0")) return `\\x${Buffer.from(value).toString("hex")}`;
  if (typeof value !== "object") return String(value);
  if ("integer" in value) return value.integer;
  if ("real" in value) return value.real;
  return `\\x${Buffer.from("bytes" in value ? value.bytes : value.text, "base64").toString("hex")}`;
}
