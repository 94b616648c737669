import pg from "pg";
// The driver's own conversion, so that a value written into a script means what it would have meant as a parameter.
import { prepareValue } from "pg/lib/utils.js";

/** Longest identifier that PostgreSQL keeps whole, in bytes (NAMEDATALEN - 1). */
export const MAX_IDENTIFIER_BYTES = 63;

/**
 * Quotes a schema, role, table or column name. The only way that a name gets into SQL text.
 *
 * @throws RangeError for a name that PostgreSQL would refuse or silently cut: empty, with NUL, or over 63 bytes.
 */
export function quoteIdentifier(name: string): string {
  if (name === "" || name.includes("\0") || Buffer.byteLength(name) > MAX_IDENTIFIER_BYTES) {
    throw new RangeError(`not usable as a PostgreSQL identifier: ${JSON.stringify(name)}`);
  }
  return pg.escapeIdentifier(name);
}

/**
 * Writes a value as an SQL literal of unknown type, which PostgreSQL resolves as it resolves a parameter.
 *
 * @throws RangeError for text with NUL, which PostgreSQL can't hold.
 */
export function quoteLiteral(value: unknown): string {
  const prepared = prepareValue(value);
  if (prepared === null || prepared === undefined) return "NULL";
  if (Buffer.isBuffer(prepared)) return `'\\x${prepared.toString("hex")}'`;
  const text = String(prepared);
  if (text.includes("\0")) throw new RangeError("PostgreSQL text can't hold NUL");
  return pg.escapeLiteral(text);
}
