import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import type { Queryable } from "../pool.ts";
import type { SnapshotSequence } from "./tenant-snapshot.ts";

/** Where a schema's sequences stand, in the order of their names given. One query, also where there are none. */
export async function readSequences(
  client: Queryable,
  schema: string,
  names: readonly string[],
): Promise<SnapshotSequence[]> {
  const reads = names.map(
    (name, place) =>
      `SELECT ${place} AS place, ${quoteLiteral(name)} AS name, last_value, is_called FROM ${quoteIdentifier(schema)}.${quoteIdentifier(name)}`,
  );
  const none = "SELECT 0 AS place, NULL AS name, 0::bigint AS last_value, false AS is_called WHERE false";
  const { rows } = await client.query<{ name: string; last_value: string; is_called: boolean }>(
    `${[none, ...reads].join(" UNION ALL ")} ORDER BY place`,
  );
  return rows.map(({ name, last_value, is_called }) => ({
    name,
    lastValue: last_value,
    isCalled: is_called,
  }));
}

/** SQL that sets sequences of a schema to where they stood. */
export function setSequencesScript(schema: string, sequences: readonly SnapshotSequence[]): string {
  return sequences
    .map(({ name, lastValue, isCalled }) => {
      const sequence = quoteLiteral(`${quoteIdentifier(schema)}.${quoteIdentifier(name)}`);
      return `SELECT pg_catalog.setval(${sequence}, ${quoteLiteral(lastValue)}, ${isCalled});\n`;
    })
    .join("");
}
