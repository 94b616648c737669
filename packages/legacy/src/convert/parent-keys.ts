import { eachRow, type Source } from "./each-row.ts";
import { KeyMap } from "./key-map.ts";
import { scanColumns } from "./scan.ts";
import { isRowId, quoteName, type SourceTable } from "./source-table.ts";
import type { TableWork } from "./work.ts";

/** The keys that a table's rows have after conversion, whatever becomes of the rows. */
export interface ParentKeys {
  has(text: string): boolean;
  close(): void;
}

/** Of the bit set: enough for 64 million ids. */
const MOST_BITS = 2 ** 26;
/** As PostgreSQL prints it: 012 is another key than 12. */
const INTEGER = /^(?:0|-?[1-9]\d{0,18})$/;

/**
 * Prepares the question whether a table has a key. Rowids are marked in a bit set when they lie close enough together, and
 * else looked up in the file; other keys are read and converted once, so that '12' is the key 12 where the column's rule
 * makes it that.
 */
export function parentKeys(source: Source, parent: TableWork): ParentKeys {
  const key = parent.columns[parent.keyColumn];
  if (key === undefined) {
    throw new RangeError(`the plan refers to ${parent.plan.source}, but names no key of it`);
  }
  return isRowId(parent.table, key.plan) ? rowIdKeys(source, parent.table) : convertedKeys(source, parent);
}

function rowIdKeys(source: Source, table: SourceTable): ParentKeys {
  const from = `FROM main.${quoteName(table.name)}`;
  const range = source.db.prepare(`SELECT min(${table.rowId}) AS low, max(${table.rowId}) AS high ${from}`);
  range.setReadBigInts(true);
  const { low, high } = range.get() as { low: bigint | null; high: bigint | null };
  if (low === null || high === null) return { has: () => false, close: () => undefined };
  if (high - low >= BigInt(MOST_BITS)) {
    const find = source.db.prepare(`SELECT 1 ${from} WHERE ${table.rowId} = ?`);
    return {
      has: (text) => {
        const key = INTEGER.test(text) ? BigInt(text) : null;
        return key !== null && BigInt.asIntN(64, key) === key && find.get(key) !== undefined;
      },
      close: () => undefined,
    };
  }
  const first = low;
  const bits = new Uint8Array((Number(high - low) >> 3) + 1);
  const mark = ([distance]: readonly unknown[]): void => {
    const at = Number(distance);
    bits[at >> 3] = (bits[at >> 3] ?? 0) | (1 << (at & 7));
  };
  eachRow(source, `SELECT ${table.rowId} - ? ${from}`, mark, first);
  const base = Number(first);
  const isSafe = Number.isSafeInteger(base) && Number.isSafeInteger(base + MOST_BITS);
  return {
    has: (text) => {
      if (!INTEGER.test(text)) return false;
      const at = isSafe ? Number(text) - base : Number(BigInt(text) - first);
      // Beside the bits there are none: what is read there is undefined.
      return ((bits[Math.floor(at / 8)] ?? 0) & (1 << (at & 7))) !== 0;
    },
    close: () => undefined,
  };
}

function convertedKeys(source: Source, parent: TableWork): ParentKeys {
  const keys = new KeyMap();
  scanColumns(source, parent, [parent.keyColumn], "", (texts) => {
    const text = texts[parent.keyColumn] ?? null;
    if (text !== null) keys.set(text, "");
  });
  return { has: (text) => keys.get(text) !== undefined, close: () => keys.close() };
}
