import { execFile } from "node:child_process";
import { createWriteStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { makeEmptyTenant } from "./empty-tenant.ts";
import type { LargeFile } from "./large-file.ts";
import { assertMoved, type Mover } from "./mover.ts";
import { booleansOf } from "./row-by-row.ts";

const run = promisify(execFile);

/** The installed psql's version; null where there is none. */
export async function psqlVersion(): Promise<string | null> {
  const answer = await run("psql", ["--version"]).catch(() => null);
  return answer === null ? null : (/[\d.]+/.exec(answer.stdout)?.[0] ?? "unknown");
}

/**
 * (c) The limit: psql copies CSV that somebody has made ready beforehand, values converted, parents first, in one
 * transaction. Indexes, keys and checks are there and hold. Nothing is read of SQLite, converted, counted or verified.
 *
 * @param folder where the CSV is put, one file for each table; none of this is measured
 */
export async function readyMadeCsv(large: LargeFile, folder: string): Promise<Mover> {
  await writeCsv(large, folder);
  return {
    name: "COPY of ready-made CSV (limit)",
    kind: "limit",
    target: 0.5,
    move: async (databaseUrl) => {
      const schema = await makeEmptyTenant(databaseUrl);
      const script = join(folder, "copy.sql");
      await writeFile(script, copyScript(large, folder));
      const begun = performance.now();
      await run("psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", script, databaseUrl], {
        env: { ...process.env, PGOPTIONS: `-c search_path=${schema} -c timezone=UTC` },
      });
      const seconds = (performance.now() - begun) / 1000;
      await assertMoved(databaseUrl, schema, large);
      return { rows: large.rows, seconds };
    },
  };
}

function copyScript({ tables, columns }: LargeFile, folder: string): string {
  const copies = tables.map(
    ({ name }) =>
      `\\copy ${name} (${(columns.get(name) ?? []).join(", ")}) from '${join(folder, `${name}.csv`)}' csv`,
  );
  return ["BEGIN;", "SET CONSTRAINTS ALL DEFERRED;", ...copies, "COMMIT;", ""].join("\n");
}

async function writeCsv({ file, tables, columns }: LargeFile, folder: string): Promise<void> {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    for (const { name } of tables) {
      const names = columns.get(name) ?? [];
      const booleans = booleansOf(name);
      const rows = db.prepare(`SELECT ${names.join(", ")} FROM ${name}`).iterate();
      const lines = function* (): Generator<string> {
        for (const row of rows)
          yield `${names.map((column) => field(row[column], booleans.has(column))).join(",")}\n`;
      };
      await pipeline(lines(), createWriteStream(join(folder, `${name}.csv`)));
    }
  } finally {
    db.close();
  }
}

/** Nothing at all is NULL, and a quoted nothing is empty text. */
function field(value: SQLOutputValue | undefined, isBoolean: boolean): string {
  if (value === null || value === undefined) return "";
  if (isBoolean) return value === 1 ? "t" : "f";
  return typeof value === "string" ? `"${value.replaceAll('"', '""')}"` : String(value);
}
