import type { PoolClient } from "../pool.ts";
import { copyOut } from "./copy-out.ts";
import { schemaFingerprint } from "./ddl/read-definition.ts";
import { SnapshotMismatchError } from "./errors.ts";
import { readSequences } from "./sequences.ts";
import type { SnapshotRows, SnapshotSource } from "./tenant-snapshot.ts";

/** What was loaded and found to be what the snapshot says. */
export interface LoadFigures {
  readonly tables: number;
  readonly rows: number;
  /** Of COPY text. */
  readonly bytes: number;
  readonly sequences: number;
  /** False when the snapshot comes from another major version of PostgreSQL, which words definitions its own way. */
  readonly definitionCompared: boolean;
}

/**
 * Compares a loaded schema with its snapshot: every table's rows, copied out again; sequences; the definition, to which
 * belongs whether a constraint is valid. In the transaction that loaded it, with the schema alone on the path.
 *
 * @throws SnapshotMismatchError naming the first difference; the driver's error.
 */
export async function verifyLoaded(
  client: PoolClient,
  schema: string,
  { contents, figures }: SnapshotSource,
): Promise<LoadFigures> {
  const found: SnapshotRows[] = [];
  for (const table of contents.tables) {
    found.push(await copyOut(client, schema, table, () => undefined));
  }
  const sequences = await readSequences(
    client,
    schema,
    figures.sequences.map(({ name }) => name),
  );
  for (const [number, { name }] of contents.tables.entries()) {
    same(`rows of ${name}`, figures.tables[number]?.rows, found[number]?.rows);
    same(`content of ${name}`, figures.tables[number]?.sha256, found[number]?.sha256);
  }
  for (const [place, { name, ...state }] of figures.sequences.entries()) {
    same(`sequence ${name}`, stateText(state), stateText(sequences[place]));
  }
  const server = await client.query<{ server: number }>(
    "SELECT current_setting('server_version_num')::int AS server",
  );
  const definitionCompared = major(server.rows[0]?.server ?? 0) === major(contents.server);
  if (definitionCompared) same("definition", contents.fingerprint, await schemaFingerprint(client, schema));
  return {
    tables: found.length,
    rows: found.reduce((sum, { rows }) => sum + rows, 0),
    bytes: found.reduce((sum, { bytes }) => sum + bytes, 0),
    sequences: sequences.length,
    definitionCompared,
  };
}

function stateText(
  state: { readonly lastValue: string; readonly isCalled: boolean } | undefined,
): string | undefined {
  return state && `${state.lastValue}${state.isCalled ? "" : ", not called"}`;
}

function major(version: number): number {
  return Math.floor(version / 10_000);
}

function same(what: string, expected: number | string | undefined, found: number | string | undefined): void {
  if (expected !== found) throw new SnapshotMismatchError(what, String(expected), String(found));
}
