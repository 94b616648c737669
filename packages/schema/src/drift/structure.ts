import type { Queryable, QueryResult } from "../pool.ts";
import { type StructureQuestion, structureQuery } from "./structure-query.ts";

/** One thing that is true of a schema's structure. */
export interface StructureFact {
  /** The catalog that it stands in, or what it is: `table`, `column`, `rights`. */
  readonly class: string;
  /** Tells it from the others of its class: `INDEX notes_at`, `notes.body`. */
  readonly name: string;
  /** Begins with the table or type that it belongs to. */
  readonly part_of: string;
  /** As PostgreSQL prints it. */
  readonly text: string;
  /** The same without what PostgreSQL may print one way or the other. */
  readonly compared: string;
}

/** What one look at a schema tells. */
export interface StructureDigest {
  /** Whether there is such a schema at all. */
  readonly there: boolean;
  /** Of the schema's own ledger: how many migrations, and the last one. Null where it has none. */
  readonly ledger: { readonly count: number; readonly last: string } | null;
  /** Whose the schema says it is. */
  readonly tenantId: string | null;
  /** SHA-256 of all facts, hex: equal for two schemas that differ in name and in the order of columns alone. */
  readonly digest: string;
}

type Question = Omit<StructureQuestion, "wanted">;

/** Of a look outside any transaction: what is read is of one moment, and nothing is left of it. */
const [OPEN, CLOSE] = ["BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "COMMIT"];

/**
 * Reads a schema's digest: one message there, one row back, at a cost that doesn't depend on what other schemas hold.
 *
 * @param client one connection outside a transaction
 * @throws the driver's error; the connection is to be closed then.
 */
export async function readDigest(client: Queryable, question: Question): Promise<StructureDigest> {
  const text = [OPEN, structureQuery({ ...question, wanted: "digest" }), CLOSE].join(";\n");
  return digestOf(fetched(await client.query(text))[0]);
}

/** The same with all facts, inside the caller's transaction, which is left with the schema first on the path. */
export async function readFacts(
  client: Queryable,
  question: Question,
): Promise<StructureDigest & { readonly facts: readonly StructureFact[] }> {
  const [digest, facts] = fetched(await client.query(structureQuery({ ...question, wanted: "facts" })));
  return { ...digestOf(digest), facts: (facts ?? []) as unknown as StructureFact[] };
}

function fetched(answer: unknown): Record<string, unknown>[][] {
  const results = answer as QueryResult<Record<string, unknown>>[];
  return results.filter(({ command }) => command === "FETCH").map(({ rows }) => rows);
}

function digestOf(rows: Record<string, unknown>[] | undefined): StructureDigest {
  const row = rows?.[0];
  if (row === undefined) throw new Error("a structure was asked for, and nothing came of it");
  const [count, last = ""] = String(row.ledger).split(" ");
  return {
    there: row.there === true,
    ledger: row.ledger === "" ? null : { count: Number(count), last },
    tenantId: row.tenant as string | null,
    digest: row.digest as string,
  };
}
