import type { CompiledBlueprint } from "../blueprint/compile.ts";
import { quoteIdentifier } from "../identifier.ts";
import { openScratch } from "../own/scratch.ts";
import { type Pool, withClient } from "../pool.ts";
import { readStatements } from "../snapshot/ddl/read-definition.ts";
import { factKey, objectKey } from "./fact-key.ts";
import { readFacts, type StructureFact } from "./structure.ts";

/** How a tenant's schema has to be. */
export interface StructureReference {
  readonly blueprint: string;
  /** Name of the last migration. */
  readonly version: string;
  /** Of how many migrations. */
  readonly migrations: number;
  readonly digest: string;
  readonly facts: ReadonlyMap<string, StructureFact>;
  /** SQL that makes an object, by its fact's key, in an order in which each finds what it needs. */
  readonly statements: ReadonlyMap<string, string>;
}

/**
 * Builds a schema out of a blueprint's migrations up to a version, reads it, and rolls it back. Expressions are printed
 * otherwise by another major version of PostgreSQL, so a reference is for the tenants of the server that it was made on.
 *
 * @returns null for a version that the blueprint doesn't know
 * @throws the driver's error
 */
export async function readReference(
  pool: Pool,
  compiled: CompiledBlueprint,
  version: string,
): Promise<StructureReference | null> {
  const { migrations } = compiled;
  const last = migrations.findIndex(({ name }) => name === version);
  if (last < 0) return null;
  const script =
    version === compiled.version
      ? compiled.createScript
      : migrations
          .slice(0, last + 1)
          .map(({ sql }) => sql)
          .join("");
  return withClient(pool, async (client) => {
    const { schema, role } = await openScratch(client, { ledger: true, marker: true });
    await client.query(script);
    const { digest, facts } = await readFacts(client, { schema, role });
    await client.query(`SET LOCAL search_path = ${quoteIdentifier(schema)}`);
    const statements = await readStatements(client, schema);
    await client.query("ROLLBACK");
    return {
      blueprint: compiled.blueprint.name,
      version,
      migrations: last + 1,
      digest,
      facts: new Map(facts.map((fact) => [factKey(fact), fact])),
      statements: new Map(statements.map(({ object, sql }) => [objectKey(object), sql])),
    };
  });
}
