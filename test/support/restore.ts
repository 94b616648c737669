import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { readBackupContent } from "@tenantry/tenancy";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { withAdmin } from "./database.ts";
import type { TestInstallation } from "./tenantry.ts";

/** A backup's archive as SQL: read from the store, and checked. */
export async function backupSql({ ctx }: TestInstallation, backupId: string): Promise<string> {
  const { stream } = await readBackupContent(ctx, backupId, "sql");
  return text(stream);
}

/** Loads a backup as psql would, without it: every statement up to the rows, the rows, and so on. */
export async function loadWithDriver(sql: string, databaseUrl: string): Promise<void> {
  await withAdmin(databaseUrl, async (client) => {
    let statements: string[] = [];
    const lines = sql.split("\n");
    for (let at = 0; at < lines.length; at++) {
      const line = lines[at] ?? "";
      if (line.startsWith("\\set ")) continue;
      if (!/^COPY .* FROM stdin;$/.test(line)) {
        statements.push(line);
        continue;
      }
      await client.query(statements.join("\n"));
      statements = [];
      const end = lines.indexOf("\\.", at);
      const rows = lines.slice(at + 1, end).map((row) => `${row}\n`);
      await pipeline(rows, client.query(copyFrom(line)));
      at = end;
    }
    await client.query(statements.join("\n"));
  });
}

/** Where this machine has psql; null where it has none. */
export function findPsql(): string | null {
  const installed = "/usr/lib/postgresql";
  const versions = existsSync(installed) ? readdirSync(installed) : [];
  const places = ["/usr/bin/psql", ...versions.map((version) => `${installed}/${version}/bin/psql`)];
  return places.find((place) => existsSync(place)) ?? null;
}

/** Loads a backup with psql itself, as somebody who has nothing else would. */
export async function loadWithPsql(psql: string, sql: string, databaseUrl: string): Promise<void> {
  const file = `${process.env.TMPDIR ?? "/tmp"}/tenantry-restore-${process.pid}-${Date.now()}.sql`;
  await writeFile(file, sql, { mode: 0o600 });
  await promisify(execFile)(psql, ["--no-psqlrc", "--quiet", "--file", file, databaseUrl]);
}

/** Every table of a schema: its number of rows, and one checksum over all of them that no order changes. */
export async function checksums(databaseUrl: string, schema: string): Promise<Record<string, string>> {
  return withAdmin(databaseUrl, async (client) => {
    const tables = await client.query<{ name: string }>(
      "SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r' ORDER BY 1",
      [schema],
    );
    const sums: Record<string, string> = {};
    for (const { name } of tables.rows) {
      const table = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`;
      const sum = await client.query(
        `SELECT count(*) || ' ' || coalesce(md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))), '') AS sum FROM ${table} AS t`,
      );
      sums[name] = sum.rows[0].sum;
    }
    return sums;
  });
}
