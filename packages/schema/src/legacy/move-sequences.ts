import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import type { TargetTable } from "./target-description.ts";

/**
 * SQL that moves a table's sequences past its rows, never back. One that has reached its end stays there: the next row is
 * refused, as it would be if rows had used the numbers up. Ids below a sequence's start, also negative ones, leave it.
 */
export function moveSequences(
  schema: string,
  { name, columns }: Pick<TargetTable, "name" | "columns">,
): string[] {
  const table = `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
  return columns
    .filter(({ identity }) => identity)
    .map((column) => {
      const sequence = `pg_get_serial_sequence(${quoteLiteral(table)}, ${quoteLiteral(column.name)})::regclass`;
      return `SELECT setval(seqrelid, highest) FROM pg_sequence, (SELECT max(${quoteIdentifier(column.name)}) AS highest FROM ${table}) AS rows
    WHERE seqrelid = ${sequence} AND highest > coalesce(pg_sequence_last_value(seqrelid), seqstart - 1);\n`;
    });
}
