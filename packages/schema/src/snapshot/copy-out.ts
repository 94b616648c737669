import { createHash } from "node:crypto";
import { quoteIdentifier } from "../identifier.ts";
import type { PoolClient } from "../pool.ts";
import { CopyOutQuery } from "./copy-out-query.ts";
import type { SnapshotRows, SnapshotTable } from "./tenant-snapshot.ts";

/**
 * Copies a table's rows out, as fast as they are taken.
 *
 * @throws what `take` throws, and then the connection is in the middle of a COPY; the driver's error.
 */
export async function copyOut(
  client: PoolClient,
  schema: string,
  table: SnapshotTable,
  take: (chunk: Buffer) => Promise<void> | void,
): Promise<SnapshotRows> {
  const hash = createHash("sha256");
  let bytes = 0;
  const query = new CopyOutQuery(`COPY ${copyTarget(schema, table)} TO STDOUT`, (chunk) => {
    hash.update(chunk);
    bytes += chunk.length;
    return take(chunk);
  });
  const rows = await client.query(query).ended;
  return { rows, bytes, sha256: hash.digest("hex") };
}

/** A table and its columns as they stand in COPY. */
export function copyTarget(schema: string, { name, columns }: SnapshotTable): string {
  const table = `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
  // Without a list PostgreSQL takes every column that isn't generated: here, none.
  return columns.length === 0 ? table : `${table} (${columns.map(quoteIdentifier).join(", ")})`;
}
