import { DatabaseSync } from "node:sqlite";

/** Every table and column of a SQLite file. */
export function sqliteColumns(file: string): [table: string, column: string][] {
  const sqlite = new DatabaseSync(file, { readOnly: true });
  try {
    const rows = sqlite
      .prepare(
        "SELECT t.name AS t, c.name AS c FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table'",
      )
      .all();
    return rows.map((row) => [String(row.t), String(row.c)]);
  } finally {
    sqlite.close();
  }
}
