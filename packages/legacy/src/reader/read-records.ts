import { isUtf8 } from "node:buffer";
import type { DatabaseSync } from "node:sqlite";
import type { LegacyValue } from "@tenantry/schema/legacy";
import { toLegacyValue } from "../convert/legacy-value.ts";
import { quoteName } from "../convert/source-table.ts";
import type { SqliteValue } from "../convert/values/value.ts";
import type { LegacyRecord } from "../protocol.ts";
import { tableColumns } from "./table-columns.ts";

const BATCH_ROWS = 500;
const BATCH_CHARACTERS = 2 ** 20;

/** Reads a whole table, in batches, in the order in which it lies there. At least one batch comes, perhaps an empty one. */
export function readRecords(
  db: DatabaseSync,
  table: string,
  onBatch: (records: readonly LegacyRecord[]) => void,
): void {
  const names = tableColumns(db, table).columns.map(({ name }) => name);
  const values = names.map(quoteName).map((name) => {
    return `${name}, CASE WHEN typeof(${name}) = 'text' THEN CAST(${name} AS BLOB) END`;
  });
  const isUtf16 = !/^utf-8$/i.test(String(db.prepare("PRAGMA encoding").get()?.encoding));
  const statement = db.prepare(`SELECT ${values.join(", ")} FROM main.${quoteName(table)} NOT INDEXED`);
  statement.setReturnArrays(true);
  statement.setReadBigInts(true);
  let batch: LegacyRecord[] = [];
  let characters = 0;
  for (const row of statement.iterate() as Iterable<unknown> as Iterable<readonly SqliteValue[]>) {
    const entries = names.map((name, index): [string, LegacyValue] => {
      const bytes = (row[index * 2 + 1] ?? null) as Uint8Array | null;
      characters += bytes?.length ?? 8;
      const isBroken = bytes !== null && !isUtf16 && !isUtf8(bytes);
      const value = row[index * 2] ?? null;
      return [name, isBroken ? { text: Buffer.from(bytes).toString("base64") } : toLegacyValue(value)];
    });
    // Makes properties of their own of any names, `__proto__` among them.
    batch.push(Object.fromEntries(entries));
    if (batch.length < BATCH_ROWS && characters < BATCH_CHARACTERS) continue;
    onBatch(batch);
    batch = [];
    characters = 0;
  }
  onBatch(batch);
}
