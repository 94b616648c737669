import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { makeEmptyTenant } from "./empty-tenant.ts";
import type { LargeFile } from "./large-file.ts";
import { assertMoved, type Mover } from "./mover.ts";

const run = promisify(execFile);

/** The last line of each of its commands: rows, bytes and seconds. */
const TOTAL = /Total import time\s+\S+\s+(\d+)\s.*?([\d.]+)s\s*$/gm;
const BUFFER = 64 * 1024 * 1024;

/** The installed pgloader's version; null where there is none. */
export async function pgloaderVersion(): Promise<string | null> {
  const answer = await run("pgloader", ["--version"]).catch(() => null);
  return answer === null ? null : (/"([^"]+)"/.exec(answer.stdout)?.[1] ?? "unknown");
}

/**
 * (a) pgloader reads the same file into the same tables: data only. Its seconds are those that it gives itself, which
 * leave out its start. With `drop indexes` it gives up, for it can't drop a key that others refer to; so there are two ways:
 *
 * - `checked`: a command for each table, parents first, and the keys hold. Only the table that closes a cycle is loaded
 *   with them off, since each table is a transaction of its own.
 * - `unchecked`: one command, tables beside each other, all keys off (`disable triggers`, which takes a superuser). Quicker,
 *   but an orphan comes in unseen.
 */
export function pgloader(superuserUrl: string, large: LargeFile, keys: "checked" | "unchecked"): Mover {
  return {
    name: `pgloader, keys ${keys}`,
    kind: "peer",
    target: keys === "checked" ? 1.5 : null,
    move: async (databaseUrl) => {
      const schema = await makeEmptyTenant(databaseUrl);
      await makeRoom(databaseUrl, schema);
      const target = new URL(superuserUrl);
      target.pathname = new URL(databaseUrl).pathname;
      const text =
        keys === "unchecked"
          ? command(large, target.href, schema, tableNames(large), false)
          : tableNames(large)
              .map((name) => command(large, target.href, schema, [name], name !== CLOSES_A_CYCLE))
              .join("\n");
      const seconds = await load(text);
      await assertMoved(databaseUrl, schema, large);
      return { rows: large.rows, seconds };
    },
  };
}

/** Branches name users as their managers, and come first, since users name branches. */
const CLOSES_A_CYCLE = "branches";

function tableNames({ tables }: LargeFile): string[] {
  return tables.map(({ name }) => name);
}

/** It can't leave a column out, and the new table of users has one less. */
async function makeRoom(databaseUrl: string, schema: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(`ALTER TABLE ${schema}.users ADD COLUMN license_id integer`);
  } finally {
    await client.end();
  }
}

function command(
  { file }: LargeFile,
  target: string,
  schema: string,
  tables: readonly string[],
  areKeysOn: boolean,
): string {
  return `LOAD DATABASE FROM sqlite://${file} INTO ${target}
  WITH data only, include no drop, create no tables, create no indexes, no foreign keys, no truncate, reset no sequences${areKeysOn ? "" : ", disable triggers"}
  SET search_path TO '${schema}', timezone TO 'UTC'
  INCLUDING ONLY TABLE NAMES LIKE ${tables.map((name) => `'${name}'`).join(", ")};
`;
}

/** @returns seconds, as pgloader counts them */
async function load(text: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "tenantry-bench-pgloader-"));
  try {
    const commands = join(folder, "commands.load");
    await writeFile(commands, text, { mode: 0o600 });
    const { stdout } = await run("pgloader", ["--root-dir", folder, commands], { maxBuffer: BUFFER });
    const totals = [...stdout.matchAll(TOTAL)].map(([, , seconds]) => Number(seconds));
    if (totals.length === 0) throw new Error(`pgloader gave no total:\n${stdout.slice(-2_000)}`);
    return totals.reduce((sum, seconds) => sum + seconds, 0);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
