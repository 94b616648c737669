import { quoteIdentifier, quoteLiteral, type SnapshotTable } from "@tenantry/schema";
import type { OpenArchive } from "./archive.ts";

/**
 * An archive as plain SQL that `psql` loads into an empty database, with no Tenantry anywhere: as any login that may
 * create schemas there, in one transaction, under the schema's own name. Rights of the tenant's role aren't part of it.
 *
 * Only for an archive that is signed or whose SHA-256 is known: it is commands for whoever loads it.
 *
 * @throws what the archive's `rows` throws; the text is then not to be used, and its COMMIT is missing.
 */
export async function* archiveToSql(archive: OpenArchive): AsyncGenerator<Buffer> {
  const { contents, figures } = archive;
  yield Buffer.from(opening(archive));
  yield Buffer.from(contents.before);
  let current = -1;
  for await (const { table, chunk } of archive.rows()) {
    if (table !== current) {
      if (current >= 0) yield COPY_END;
      yield Buffer.from(copyCommand(contents.tables[table] as SnapshotTable));
      current = table;
    }
    yield chunk;
  }
  if (current >= 0) yield COPY_END;
  yield Buffer.from(`\n${contents.after}`);
  const sequences = figures.sequences.map(
    ({ name, lastValue, isCalled }) =>
      `SELECT pg_catalog.setval(${quoteLiteral(quoteIdentifier(name))}, ${lastValue}, ${isCalled});\n`,
  );
  yield Buffer.from(`${sequences.join("")}COMMIT;\n`);
}

const COPY_END = Buffer.from("\\.\n");

function copyCommand({ name, columns }: SnapshotTable): string {
  // Without a list PostgreSQL takes every column that isn't generated: here, none.
  const list = columns.length === 0 ? "" : ` (${columns.map(quoteIdentifier).join(", ")})`;
  return `\nCOPY ${quoteIdentifier(name)}${list} FROM stdin;\n`;
}

function opening({ header, license, contents }: OpenArchive): string {
  const title = [
    license === null ? "Control data of Tenantry" : `License ${license.key}`,
    `Backup ${header.id} of ${header.takenAt}, by ${header.tool}`,
  ];
  return [
    // A line break would end the comment.
    ...title.map((line) => `-- ${line.replaceAll(/\p{Cc}/gu, " ")}\n`),
    // psql's: at the first refusal it stops, rather than take the rows that follow for commands.
    "\\set ON_ERROR_STOP on\n",
    "SET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\nSET check_function_bodies = off;\n",
    "SET datestyle = 'ISO, YMD';\nSET intervalstyle = postgres;\nSET timezone = 'UTC';\nSET lc_monetary = 'C';\n",
    "SET client_min_messages = warning;\nSET statement_timeout = 0;\nSET xmloption = content;\n",
    `BEGIN;\nCREATE SCHEMA ${quoteIdentifier(contents.schema)};\n`,
    `SET LOCAL search_path = ${quoteIdentifier(contents.schema)};\n`,
  ].join("");
}
