import type { LegacyValue, QuarantinedRow } from "@tenantry/schema/legacy";
import { isWellEncoded } from "./encoding.ts";
import { toLegacyValue } from "./legacy-value.ts";
import { fetcherOf, type Trouble } from "./read-row.ts";
import type { Import, TableWork } from "./work.ts";

/** The row as it lies in the file, every column of it but the secret ones, and why it can't come in. */
export function quarantinedRow(
  { db, utf16 }: Import,
  work: TableWork,
  rowId: string,
  trouble: Trouble,
): QuarantinedRow {
  const row: Record<string, LegacyValue> = {};
  for (const [name, { value, bytes }] of fetcherOf(db, work).fetch(rowId)) {
    if (work.plan.secrets.includes(name)) continue;
    const isBroken = bytes !== null && !isWellEncoded(bytes, utf16);
    // A column may have any name, `__proto__` too.
    Object.defineProperty(row, name, {
      value: isBroken ? { text: Buffer.from(bytes).toString("base64") } : toLegacyValue(value),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return { table: work.plan.source, target: work.plan.target, rowId, ...trouble, row };
}
