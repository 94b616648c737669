import type { CompiledBlueprint } from "../blueprint/compile.ts";
import { BlueprintError } from "../blueprint/errors.ts";
import { limitsOf } from "../blueprint/limits.ts";
import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import { type Pool, type PoolClient, withClient } from "../pool.ts";
import { readDefinition, type SchemaDefinition } from "../snapshot/ddl/read-definition.ts";
import { readSequences } from "../snapshot/sequences.ts";
import { PLAIN_OUTPUT } from "../snapshot/settings.ts";
import type { SnapshotSequence, SnapshotTable } from "../snapshot/tenant-snapshot.ts";
import { baselineContent, baselineHeader } from "./baseline.ts";
import { openScratch } from "./scratch.ts";

/** What a text has made of an empty schema. */
interface Made {
  readonly definition: SchemaDefinition;
  /** By table, in their order; each row its values as text. */
  readonly rows: readonly (readonly (readonly (string | null)[])[])[];
  readonly sequences: readonly SnapshotSequence[];
  /** Of the text alone. */
  readonly milliseconds: number;
}

export interface Squashed {
  /** For the baseline's file. */
  readonly text: string;
  /** What an empty schema takes to be filled, one way and the other. */
  readonly milliseconds: { readonly migrations: number; readonly baseline: number };
}

/**
 * Writes one text that makes what a blueprint's migrations make, one after the other: tables, what belongs to them, and rows.
 * Then proves it: both are run into scratch schemas, which are rolled back, and compared.
 *
 * @param pool as Tenantry's own login
 * @throws BlueprintError when it can't be done, or the proof fails; the driver's error.
 */
export async function squashMigrations(pool: Pool, compiled: CompiledBlueprint): Promise<Squashed> {
  const { migrations, blueprint } = compiled;
  const history = migrations.map(({ sql }) => sql).join("");
  // Another transaction has another time and other random values.
  const [made, again] = [await make(pool, history), await make(pool, history)];
  const { unsupported } = made.definition;
  if (unsupported.length > 0) {
    throw cannot(blueprint.name, `it holds what can't be read back: ${unsupported.join(", ")}`);
  }
  const unsteady = difference(made, again);
  if (unsteady !== null) {
    const remedy = "Put rows that differ from tenant to tenant into common-seed.sql.";
    throw cannot(blueprint.name, `its migrations make ${unsteady} that differ each time. ${remedy}`);
  }
  const content = baselineContent(migrations, limitsOf(blueprint));
  const header = baselineHeader(content, migrations[0]?.name ?? "", compiled.version);
  const text = header + made.definition.before + rowsScript(made) + made.definition.after;
  const proven = await prove(pool, compiled, made, text);
  return { text, milliseconds: { migrations: again.milliseconds, baseline: proven.milliseconds } };
}

/**
 * Makes sure that a blueprint's baseline still makes what its migrations make.
 *
 * @throws BlueprintError when it doesn't; the driver's error.
 */
export async function proveBaseline(pool: Pool, compiled: CompiledBlueprint): Promise<void> {
  const history = compiled.migrations.map(({ sql }) => sql).join("");
  await prove(pool, compiled, await make(pool, history), compiled.createScript);
}

async function prove(
  pool: Pool,
  { blueprint }: CompiledBlueprint,
  expected: Made,
  text: string,
): Promise<Made> {
  const made = await make(pool, text);
  const found = difference(expected, made);
  if (found !== null)
    throw cannot(blueprint.name, `the baseline would make other ${found} than its migrations`);
  return made;
}

function difference(one: Made, other: Made): string | null {
  if (one.definition.fingerprint !== other.definition.fingerprint) return "tables, or what belongs to them,";
  const { tables } = one.definition;
  const differing = tables.filter((_, index) => sorted(one.rows[index]) !== sorted(other.rows[index]));
  if (differing.length > 0) return `rows of ${differing.map(({ name }) => name).join(", ")}`;
  return JSON.stringify(one.sequences) === JSON.stringify(other.sequences) ? null : "numbers of sequences";
}

function sorted(rows: readonly (readonly (string | null)[])[] = []): string {
  return rows
    .map((row) => JSON.stringify(row))
    .sort()
    .join("\n");
}

async function make(pool: Pool, text: string): Promise<Made> {
  return withClient(pool, async (client) => {
    const { schema } = await openScratch(client, { ledger: false });
    const startedAt = performance.now();
    await client.query(text);
    const milliseconds = performance.now() - startedAt;
    await client.query(`SET LOCAL search_path = ${quoteIdentifier(schema)}; ${PLAIN_OUTPUT}`);
    const definition = await readDefinition(client, schema);
    const rows: string[][][] = [];
    for (const table of definition.tables) rows.push(await readRows(client, table));
    const sequences = await readSequences(client, schema, definition.sequences);
    await client.query("ROLLBACK");
    return { definition, rows, sequences, milliseconds };
  });
}

async function readRows(client: PoolClient, { name, columns }: SnapshotTable): Promise<string[][]> {
  const values = columns.map((column) => `${quoteIdentifier(column)}::text`).join(", ");
  const { rows } = await client.query({
    text: `SELECT ${values} FROM ONLY ${quoteIdentifier(name)}`,
    rowMode: "array",
  });
  return rows;
}

function rowsScript({ definition, rows, sequences }: Made): string {
  const inserts = definition.tables.flatMap(({ name, columns }, index) => {
    const into = `INSERT INTO ${quoteIdentifier(name)} (${columns.map(quoteIdentifier).join(", ")})`;
    return (rows[index] ?? []).map(
      (row) =>
        `${into} OVERRIDING SYSTEM VALUE VALUES (${row.map((value) => quoteLiteral(value)).join(", ")});\n`,
    );
  });
  const moved = sequences
    .filter(({ isCalled }) => isCalled)
    .map(
      ({ name, lastValue }) =>
        `SELECT pg_catalog.setval(${quoteLiteral(quoteIdentifier(name))}, ${quoteLiteral(lastValue)});\n`,
    );
  return [...inserts, ...moved].join("");
}

function cannot(name: string, why: string): BlueprintError {
  return new BlueprintError(`Blueprint ${name} can't be squashed: ${why}`);
}
