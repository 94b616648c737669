import { DatabaseSync, type StatementSync } from "node:sqlite";

let cast: StatementSync | null = null;

/** A number as SQLite itself writes it where text is asked for: `12`, `12.0`, `1.0e+20`. */
export function sqliteText(value: bigint | number): string {
  if (typeof value === "bigint") return `${value}`;
  // Its digits and exponents follow its version: nobody but SQLite knows them for sure.
  cast ??= new DatabaseSync(":memory:").prepare("SELECT CAST(? AS TEXT) AS text");
  return String(cast.get(value)?.text);
}
