import { to as copyTo } from "pg-copy-streams";
import { type CompiledBlueprint, LEDGER_TABLE, ledgerTablesScript } from "../blueprint/compile.ts";
import { roleSettingScript } from "../blueprint/tenant-rights.ts";
import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import type { PoolClient } from "../pool.ts";
import { readContents, type SchemaContents, type TableContents } from "./contents.ts";
import { closingScript, frameScript } from "./dump-frame.ts";

/** One table's rows in the text of a dump. */
export interface RowBlock {
  readonly table: string;
  /** As PostgreSQL says it. */
  readonly rows: number;
  /** Bytes from the beginning of the text; `end` is the first that isn't the rows'. One line is one row. */
  readonly start: number;
  readonly end: number;
}

export interface TenantDump {
  /** The text, to be read once. Read as fast as it is taken, so a slow disk holds PostgreSQL up, and memory stays flat. */
  readonly text: AsyncIterable<Buffer>;
  /** Complete when the text has been read. */
  readonly blocks: readonly RowBlock[];
}

export interface DumpInput {
  readonly schema: string;
  readonly blueprint: CompiledBlueprint;
  /** Whose it is and when, for people: the first lines of the text. */
  readonly title: readonly string[];
  /** Told before each table, and waited for; what it throws breaks the dump off. */
  readonly onTable: (table: string, done: number, total: number) => Promise<void>;
}

/** The tenant's ledger holds migrations that this process's blueprint doesn't. */
export class UnknownMigrationsError extends Error {
  override readonly name = "UnknownMigrationsError";
  readonly migrations: readonly string[];

  constructor(schema: string, migrations: readonly string[]) {
    super(`schema ${schema} holds migrations that this build doesn't know: ${migrations.join(", ")}`);
    this.migrations = migrations;
  }
}

/**
 * A tenant's schema as plain SQL that `psql` loads into an empty database as any login that may create schemas there:
 * the blueprint's own script as far as the tenant's ledger goes, then the rows. Role and rights aren't part of it.
 *
 * To be called inside a transaction that keeps writers out, which must last until the text has been read.
 *
 * @throws UnknownMigrationsError; the driver's error, also from within the text.
 */
export async function dumpTenant(client: PoolClient, input: DumpInput): Promise<TenantDump> {
  const schema = quoteIdentifier(input.schema);
  await client.query(`SET LOCAL search_path = ${schema}; ${PLAIN_OUTPUT}`);
  const contents = await readContents(client, input.schema);
  const script = await appliedScript(client, input);
  const blocks: RowBlock[] = [];
  return { text: dumpText(client, input, contents, script, blocks), blocks };
}

/** What values look like must not depend on how the database or its login is set up. */
const PLAIN_OUTPUT =
  "SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = postgres; SET LOCAL timezone = 'UTC'; SET LOCAL bytea_output = hex; SET LOCAL extra_float_digits = 1; SET LOCAL lc_monetary = 'C'; SET LOCAL row_security = off";

async function* dumpText(
  client: PoolClient,
  input: DumpInput,
  contents: SchemaContents,
  script: string,
  blocks: RowBlock[],
): AsyncGenerator<Buffer> {
  let position = 0;
  const text = (part: string): Buffer => {
    const bytes = Buffer.from(part);
    position += bytes.length;
    return bytes;
  };
  yield text(opening(input));
  yield text(script);
  yield text(frameScript(contents));
  const counted: (() => RowBlock)[] = [];
  const tables = contents.tables.filter(({ partitioned }) => !partitioned);
  for (const [index, table] of tables.entries()) {
    await input.onTable(table.name, index, tables.length);
    const target = copyTarget(table);
    yield text(`\nCOPY ${target} FROM stdin;\n`);
    const start = position;
    const stream = client.query(copyTo(`COPY ${quoteIdentifier(input.schema)}.${target} TO STDOUT`));
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      position += chunk.length;
      yield chunk;
    }
    const end = position;
    // The count comes behind the rows; the next answer is sure to have it before itself.
    counted.push(() => ({ table: table.name, rows: stream.rowCount, start, end }));
    yield text("\\.\n");
  }
  const sequences = await sequenceScript(client, input.schema, contents.sequences);
  blocks.push(...counted.map((block) => block()));
  yield text(sequences);
  yield text(closingScript(contents));
}

function copyTarget({ name, columns }: TableContents): string {
  const given = columns.filter(({ generated }) => !generated).map((column) => quoteIdentifier(column.name));
  // Without a list PostgreSQL takes every column that isn't generated: here, none.
  return quoteIdentifier(name) + (given.length === 0 ? "" : ` (${given.join(", ")})`);
}

function opening({ schema, title }: DumpInput): string {
  return [
    // A line break would end the comment.
    ...title.map((line) => `-- ${line.replaceAll(/\p{Cc}/gu, " ")}\n`),
    // psql's: at the first refusal it stops, rather than take the rows that follow for commands.
    "\\set ON_ERROR_STOP on\n",
    "SET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\nSET intervalstyle = postgres;\n",
    "SET client_min_messages = warning;\nSET statement_timeout = 0;\nSET lc_monetary = 'C';\n",
    `BEGIN;\nCREATE SCHEMA ${quoteIdentifier(schema)};\nSET LOCAL search_path = ${quoteIdentifier(schema)};\n`,
    // The tenant's role isn't there: what the script takes from it, it takes from one that has nothing.
    roleSettingScript("pg_monitor"),
  ].join("");
}

/** The script that made the schema what it is: of the blueprint's migrations those that the tenant's own ledger names. */
async function appliedScript(client: PoolClient, { schema, blueprint }: DumpInput): Promise<string> {
  const ledger = await client.query<{ name: string }>(`SELECT name FROM ${LEDGER_TABLE}`);
  const applied = new Set(ledger.rows.map((row) => row.name));
  const known = blueprint.migrations.filter(({ name }) => applied.delete(name));
  if (applied.size > 0) throw new UnknownMigrationsError(schema, [...applied]);
  return ledgerTablesScript() + known.map(({ sql }) => sql).join("");
}

async function sequenceScript(
  client: PoolClient,
  schema: string,
  sequences: readonly string[],
): Promise<string> {
  if (sequences.length === 0) {
    await client.query("SELECT 1");
    return "";
  }
  const reads = sequences.map(
    (name) =>
      `SELECT ${quoteLiteral(quoteIdentifier(name))} AS name, last_value, is_called FROM ${quoteIdentifier(schema)}.${quoteIdentifier(name)}`,
  );
  const { rows } = await client.query<{ name: string; last_value: string; is_called: boolean }>(
    reads.join(" UNION ALL "),
  );
  return rows
    .map(
      ({ name, last_value, is_called }) =>
        `SELECT pg_catalog.setval(${quoteLiteral(name)}, ${last_value}, ${is_called});\n`,
    )
    .join("");
}
