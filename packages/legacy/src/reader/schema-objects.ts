import type { DatabaseSync } from "node:sqlite";
import type { SourceDescription } from "@tenantry/schema/legacy";

/** What a file's schema holds. */
export interface SchemaObjects {
  /** Ordinary tables, SQLite's own left out. */
  readonly tables: readonly string[];
  readonly leftOut: SourceDescription["leftOut"];
}

interface SchemaRow {
  readonly type: string;
  readonly name: string;
  readonly rootpage: number | null;
  readonly sql: string | null;
}

/** Reads `sqlite_schema` alone: SQLite's list of tables would make virtual tables' modules and views' queries ready. */
export function schemaObjects(db: DatabaseSync): SchemaObjects {
  const rows = db
    .prepare("SELECT type, name, rootpage, sql FROM main.sqlite_schema ORDER BY rowid")
    .all() as unknown as SchemaRow[];
  const tables: string[] = [];
  const leftOut: { name: string; kind: "view" | "trigger" | "virtual" }[] = [];
  for (const row of rows) {
    if (row.type === "view" || row.type === "trigger") leftOut.push({ name: row.name, kind: row.type });
    if (row.type !== "table" || /^sqlite_/i.test(row.name)) continue;
    if (isOrdinary(row)) tables.push(row.name);
    else leftOut.push({ name: row.name, kind: "virtual" });
  }
  return { tables, leftOut };
}

/** SQLite itself begins the statement of every ordinary table so, whatever somebody wrote. */
function isOrdinary({ rootpage, sql }: SchemaRow): boolean {
  return (rootpage ?? 0) > 0 && /^CREATE TABLE\b/i.test(sql ?? "");
}
