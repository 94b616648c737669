import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedPostgres } from "@tenantry/embedded";
import { ensureOwnedDatabase } from "@tenantry/schema";
import pg from "pg";
import { cpuTimeMs } from "./cpu-time.ts";

/** What a server has done so far. Differences of two of these say what a stretch of work cost. */
export interface ServerWork {
  readonly cpuMs: number | null;
  /** Transactions that wrote something. */
  readonly writeTransactions: number;
  readonly walBytes: number;
}

/** A PostgreSQL server of this benchmark's own. */
export interface BenchServer {
  readonly version: string;
  readonly superuserUrl: string;
  /** A new, empty database with an owner of its own, and the owner's URL. */
  createDatabase(): Promise<string>;
  /** Writes everything out, so that nobody pays for what somebody before left to write. */
  checkpoint(): Promise<void>;
  /** Does in all databases what autovacuum would do by and by, then writes everything out. */
  settle(): Promise<void>;
  work(): Promise<ServerWork>;
  stop(): Promise<void>;
}

/**
 * As durable as a server that people's data is on: each commit waits for the disk. Settings that promise less would
 * flatter whoever commits more often, and Tenantry commits more often than its limit and its peers.
 *
 * Autovacuum is off, for its work would come in somebody else's turn.
 */
export const SETTINGS: Readonly<Record<string, string>> = {
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  autovacuum: "off",
  max_wal_size: "8GB",
  checkpoint_timeout: "1h",
};

/** For servers of thousands of tenants: their catalog has to fit, see docs/scaling.md. */
export const SHARED_BUFFERS = "5GB";

const PASSWORD = "bench";

/** Starts a server on a fresh cluster; stopping it removes everything. @param settings other than the usual ones */
export async function startBenchServer(
  settings: Readonly<Record<string, string>> = {},
): Promise<BenchServer> {
  const dataDir = await mkdtemp(join(tmpdir(), "tenantry-bench-postgres-"));
  const server = await startEmbeddedPostgres({
    dataDir,
    ephemeral: true,
    settings: { ...SETTINGS, ...settings },
  });
  return openBenchServer(server.superuserUrl, () => server.stop());
}

/** A server that was started some other way. @param stop stops it and removes everything */
export async function openBenchServer(superuserUrl: string, stop: () => Promise<void>): Promise<BenchServer> {
  const client = new pg.Client({ connectionString: superuserUrl });
  await client.connect();
  const value = async (query: string): Promise<string> => {
    const { rows } = await client.query<{ value: string }>(`SELECT (${query})::text AS value`);
    return rows[0]?.value ?? "";
  };
  const pid = Number.parseInt(await value("pg_read_file('postmaster.pid')"), 10);
  let databases = 0;
  return {
    version: await value("current_setting('server_version')"),
    superuserUrl,
    createDatabase: async () => {
      databases += 1;
      const name = `bench_${databases}`;
      return ensureOwnedDatabase({ superuserUrl, name, password: PASSWORD });
    },
    checkpoint: async () => void (await client.query("CHECKPOINT")),
    settle: async () => {
      for (let number = 1; number <= databases; number++) {
        const url = new URL(superuserUrl);
        url.pathname = `/bench_${number}`;
        const inside = new pg.Client({ connectionString: url.href });
        await inside.connect();
        await inside.query("VACUUM (ANALYZE)");
        await inside.end();
      }
      await client.query("CHECKPOINT");
    },
    work: async () => ({
      cpuMs: await cpuTimeMs(pid),
      writeTransactions: Number(await value("pg_snapshot_xmax(pg_current_snapshot())")),
      walBytes: Number(await value("pg_current_wal_insert_lsn() - '0/0'")),
    }),
    stop: async () => {
      await client.end();
      await stop();
    },
  };
}
