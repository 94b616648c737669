import { rm } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import type { BenchServer } from "../measuring/postgres-server.ts";
import { median } from "../measuring/statistics.ts";
import { fillTenant, PRACTICE } from "./fill.ts";
import { type ProgramRun, pgDump, pgRestore } from "./peers.ts";
import type { Plan } from "./plan.ts";
import { startTenantryProcess } from "./tenantry-process.ts";
import { makeEmptyTenant, makeTenants } from "./tenants.ts";

/** Medians of the rounds; megabytes are the most of all rounds. */
export interface AmongOthers {
  readonly others: number;
  /** On a worker's connection that has made backups before, and on a new one. */
  readonly backup: Measured;
  readonly firstBackup: Measured;
  readonly pgDump: Measured;
  readonly restore: Measured;
  readonly pgRestore: Measured;
}

export interface Measured {
  readonly seconds: number;
  readonly peakMb: number | null;
  readonly raw: readonly number[];
}

/** One tenant's backup and restore, in a process that has run for a while, against programs that are started for it. */
export async function measureAmongOthers(
  server: BenchServer,
  folder: string,
  { rows, others, rounds }: Plan,
  tell: (message: string) => void,
): Promise<AmongOthers[]> {
  const databaseUrl = await server.createDatabase();
  const superuserUrl = asSuperuser(server, databaseUrl);
  const schema = await makeEmptyTenant(databaseUrl, "booking");
  await fillTenant(superuserUrl, schema, PRACTICE, rows);
  const files = { ours: join(folder, "among.tar"), theirs: join(folder, "among.dump") };
  const tenantry = await startTenantryProcess();
  const order = { databaseUrl, file: files.ours, encrypted: false } as const;
  try {
    const results: AmongOthers[] = [];
    let there = 0;
    for (const count of others) {
      tell(`making ${count - there} other tenants`);
      await makeTenants(databaseUrl, "booking", count - there);
      there = count;
      await settle(server, superuserUrl);
      await tenantry.carryOut({ ...order, kind: "backup", schema, again: true });
      const raw = { backup: [], firstBackup: [], pgDump: [], restore: [], pgRestore: [] } as Record<
        string,
        ProgramRun[]
      >;
      for (let round = 0; round < rounds; round++) {
        tell(`one tenant among ${count} others, round ${round + 1} of ${rounds}`);
        raw.backup?.push(await tenantry.carryOut({ ...order, kind: "backup", schema, again: true }));
        raw.firstBackup?.push(await tenantry.carryOut({ ...order, kind: "backup", schema }));
        raw.pgDump?.push(await pgDump.dump(superuserUrl, schema, files.theirs));
        raw.restore?.push(await tenantry.carryOut({ ...order, kind: "restore", schema: "restored" }));
        await runOnce(superuserUrl, "DROP SCHEMA restored CASCADE");
        const empty = await server.createDatabase();
        raw.pgRestore?.push(await pgRestore.restore(asSuperuser(server, empty), files.theirs));
      }
      const of = (name: string): Measured => measured(raw[name] ?? []);
      results.push({
        others: count,
        backup: of("backup"),
        firstBackup: of("firstBackup"),
        pgDump: of("pgDump"),
        restore: of("restore"),
        pgRestore: of("pgRestore"),
      });
    }
    return results;
  } finally {
    await tenantry.stop();
    await Promise.all(Object.values(files).map((file) => rm(file, { force: true })));
  }
}

export function measured(runs: readonly ProgramRun[]): Measured {
  const peaks = runs.flatMap(({ peakMb }) => peakMb ?? []);
  return {
    seconds: median(runs.map(({ seconds }) => seconds)),
    peakMb: peaks.length === 0 ? null : Math.max(...peaks),
    raw: runs.map(({ seconds }) => seconds),
  };
}

/** The same database as its server's superuser, who may dump and restore whatever there is. */
export function asSuperuser({ superuserUrl }: BenchServer, databaseUrl: string): string {
  const url = new URL(superuserUrl);
  url.pathname = new URL(databaseUrl).pathname;
  return url.href;
}

/** As after a quiet night: the planner knows the catalog, and nothing waits to be written. */
async function settle(server: BenchServer, superuserUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: superuserUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      "SELECT oid::regclass::text AS name FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r'",
    );
    await client.query(`VACUUM (ANALYZE) ${rows.map(({ name }) => name).join(", ")}`);
  } finally {
    await client.end();
  }
  await server.checkpoint();
}

async function runOnce(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
