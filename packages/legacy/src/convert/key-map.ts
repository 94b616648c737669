import { DatabaseSync, type StatementSync } from "node:sqlite";

/** Entries that are kept in memory: some ten megabytes. What comes beyond moves to a temporary file of SQLite's own. */
const MOST_IN_MEMORY = 100_000;
/** Of SQLite's page cache for it, in KiB. */
const CACHE_KIB = 16_384;

/**
 * A map from text to text that may grow with the file: small ones live in memory, large ones in a private database that
 * SQLite keeps in its temporary file as soon as its cache is full, and deletes with the connection.
 */
export class KeyMap {
  #small: Map<string, string> | null = new Map();
  #large: { db: DatabaseSync; get: StatementSync; set: StatementSync } | null = null;
  #size = 0;

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  get(key: string): string | undefined {
    if (this.#small !== null) return this.#small.get(key);
    const row = this.#large?.get.get(key);
    return row === undefined ? undefined : String(row.value);
  }

  set(key: string, value: string): void {
    this.#size++;
    if (this.#small !== null) {
      this.#small.set(key, value);
      if (this.#small.size > MOST_IN_MEMORY) this.#spill(this.#small);
    } else {
      this.#large?.set.run(key, value);
    }
  }

  #spill(entries: ReadonlyMap<string, string>): void {
    const db = new DatabaseSync("");
    db.exec(
      `PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -${CACHE_KIB}; PRAGMA temp_store = FILE;
       CREATE TABLE entries (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID; BEGIN`,
    );
    const set = db.prepare("INSERT OR REPLACE INTO entries VALUES (?, ?)");
    this.#large = { db, get: db.prepare("SELECT value FROM entries WHERE key = ?"), set };
    for (const [key, value] of entries) set.run(key, value);
    this.#small = null;
  }

  close(): void {
    this.#large?.db.close();
    this.#large = null;
    this.#small = new Map();
    this.#size = 0;
  }
}

/** Several texts as one key that no other texts make. */
export function joinKey(parts: readonly string[]): string {
  const [only] = parts;
  return parts.length === 1 && only !== undefined
    ? only
    : parts.map((part) => `${part.length}:${part}`).join("");
}
