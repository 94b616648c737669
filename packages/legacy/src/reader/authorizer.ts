import { constants, type DatabaseSync } from "node:sqlite";

/** Pragmas that tell of the file, and change nothing. */
const PRAGMAS = new Set([
  "encoding",
  "index_info",
  "index_list",
  "index_xinfo",
  "quick_check",
  "table_info",
  "table_xinfo",
]);
const SCHEMA_TABLES = ["sqlite_master", "sqlite_schema"];

/**
 * From now on only ordinary tables are read: SQLite refuses to prepare anything that reads a view, a virtual table or a
 * table that isn't named here, that reads on behalf of a view or trigger, that recurses, writes or attaches.
 */
export function readOnlyTables(db: DatabaseSync, tables: readonly string[]): void {
  const allowed = new Set([...tables, ...SCHEMA_TABLES].map(folded));
  db.setAuthorizer((action, first, _second, database, onBehalfOf) => {
    const isAllowed =
      onBehalfOf === null &&
      (action === constants.SQLITE_SELECT ||
        action === constants.SQLITE_FUNCTION ||
        (action === constants.SQLITE_PRAGMA && PRAGMAS.has(folded(first ?? ""))) ||
        (action === constants.SQLITE_READ && database === "main" && allowed.has(folded(first ?? ""))));
    return isAllowed ? constants.SQLITE_OK : constants.SQLITE_DENY;
  });
}

/** SQLite folds the case of ASCII letters alone. */
function folded(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}
