import { DatabaseSync } from "node:sqlite";
import { quoteName } from "./legacy/plant.ts";

/** How many rows each table of a SQLite file has, counted there; empty ones left out. */
export function sourceCounts(file: string): Map<string, number> {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const tables = db
      .prepare(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
      )
      .all()
      .map(({ name }) => String(name));
    const counts = tables.map((name): [string, number] => {
      const row = db.prepare(`SELECT count(*) AS rows FROM ${quoteName(name)}`).get();
      return [name, Number(row?.rows)];
    });
    return new Map(counts.filter(([, rows]) => rows > 0));
  } finally {
    db.close();
  }
}
