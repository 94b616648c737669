import type { DatabaseSync } from "node:sqlite";
import type { Column } from "./column.ts";
import { KeyMap } from "./key-map.ts";
import { quoteName, type SourceTable } from "./source-table.ts";
import type { SqliteValue } from "./values/value.ts";

/** The keys that a table's rows have after conversion, whatever becomes of the rows. */
export interface ParentKeys {
  has(text: string): boolean;
  close(): void;
}

/** Of the bit set: enough for 64 million ids. */
const MOST_BITS = 2 ** 26;
const INTEGER = /^-?\d{1,19}$/;

/**
 * Prepares the question whether a table has a key. Rowids are marked in a bit set when they lie close enough together, and
 * else looked up in the file; other keys are read and converted once, so that '12' is the key 12 where the column's rule
 * makes it that.
 */
export function parentKeys(db: DatabaseSync, table: SourceTable, key: Column): ParentKeys {
  const { plan } = key;
  const isRowId =
    plan.source !== null &&
    plan.source === table.rowIdColumn &&
    plan.value.kind === "integer" &&
    plan.values === undefined &&
    plan.pattern === undefined;
  return isRowId ? rowIdKeys(db, table) : convertedKeys(db, table, key);
}

function rowIdKeys(db: DatabaseSync, table: SourceTable): ParentKeys {
  const from = `FROM main.${quoteName(table.name)}`;
  const range = db.prepare(`SELECT min(${table.rowId}) AS low, max(${table.rowId}) AS high ${from}`);
  range.setReadBigInts(true);
  const { low, high } = range.get() as { low: bigint | null; high: bigint | null };
  if (low === null || high === null) return { has: () => false, close: () => undefined };
  if (high - low >= BigInt(MOST_BITS)) {
    const find = db.prepare(`SELECT 1 ${from} WHERE ${table.rowId} = ?`);
    return {
      has: (text) => INTEGER.test(text) && find.get(BigInt(text)) !== undefined,
      close: () => undefined,
    };
  }
  const first = low;
  const bits = new Uint8Array((Number(high - low) >> 3) + 1);
  const rows = db.prepare(`SELECT ${table.rowId} - ? ${from}`);
  rows.setReturnArrays(true);
  for (const row of rows.iterate(first)) {
    const [at] = row as unknown as [number];
    bits[at >> 3] = (bits[at >> 3] ?? 0) | (1 << (at & 7));
  }
  const base = Number(first);
  const isSafe = Number.isSafeInteger(base) && Number.isSafeInteger(base + MOST_BITS);
  return {
    has: (text) => {
      const at = isSafe ? Number(text) - base : INTEGER.test(text) ? Number(BigInt(text) - first) : -1;
      // What is no whole number finds no bit either: NaN, and fractions' bytes are undefined or cut off.
      return at >= 0 && Number.isInteger(at) && ((bits[Math.floor(at / 8)] ?? 0) & (1 << (at & 7))) !== 0;
    },
    close: () => undefined,
  };
}

function convertedKeys(db: DatabaseSync, table: SourceTable, key: Column): ParentKeys {
  const keys = new KeyMap();
  const column = key.plan.source === null ? "NULL" : quoteName(key.plan.source);
  const rows = db.prepare(`SELECT ${column} FROM main.${quoteName(table.name)}`);
  rows.setReturnArrays(true);
  rows.setReadBigInts(true);
  for (const row of rows.iterate()) {
    const [value = null] = row as unknown as [SqliteValue];
    const reading = value === null ? key.ofNull : key.read(value);
    const text = typeof reading === "string" ? reading : reading.kind === "changed" ? reading.text : null;
    if (text !== null) keys.set(text, "");
  }
  return { has: (text) => keys.get(text) !== undefined, close: () => keys.close() };
}
