import { open, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Cluster } from "./cluster.ts";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
import { answers, findPostmaster, freePort, isPortTaken, type Postmaster } from "./postmaster.ts";
import { isAlive } from "./processes.ts";
import { type CommandResult, runCommand } from "./run-command.ts";
import { serverSettings, settingsAsOptions } from "./server-settings.ts";
import { waitUntil } from "./wait-until.ts";

const START_SECONDS = 300;
const STOP_SECONDS = 30;
const CONFLICT_SECONDS = 30;

export interface RunningServer {
  readonly port: number;
  /** Whether it ran already when we came. */
  readonly attached: boolean;
}

/**
 * Makes sure that a server runs on the cluster and takes connections: finds it, or starts it. Call it under
 * the data directory's lock.
 *
 * @throws EmbeddedPostgresError EMBEDDED_START_FAILED
 */
export async function ensureServer(
  cluster: Cluster,
  ephemeral: boolean,
  settings: Readonly<Record<string, string>>,
): Promise<RunningServer> {
  let failure: CommandResult | undefined;
  const server = await waitUntil(
    async () => {
      const found = await attach(cluster);
      if (found !== undefined) return { port: found, attached: true };
      const port = await freePort();
      const logFrom = await logSize(cluster);
      const options = settingsAsOptions(serverSettings(port, ephemeral, settings));
      const result = await pgCtl(cluster, [
        ...["start", "--wait", "--timeout", String(START_SECONDS)],
        ...["--log", logFile(cluster), "--options", options],
      ]);
      if (result.exitCode === 0 && (await answers(port))) return { port, attached: false };
      failure = { ...result, output: `${result.output}\n${await readLog(cluster, logFrom)}`.trim() };
      if (await isPassing(cluster, port, failure.output)) return undefined;
      await pgCtl(cluster, ["stop", "--mode", "immediate", "--wait", "--timeout", String(STOP_SECONDS)]);
      throw startFailed(cluster, failure.output);
    },
    CONFLICT_SECONDS * 1000,
    100,
  );
  if (!server) throw startFailed(cluster, failure?.output ?? "");
  return server;
}

/**
 * Stops the cluster's server, breaking off its connections. Where that takes longer than 30 seconds it is
 * cut off; the next start then recovers. Call it under the data directory's lock.
 *
 * @throws EmbeddedPostgresError EMBEDDED_STOP_FAILED
 */
export async function stopServer(cluster: Cluster): Promise<void> {
  const postmaster = await findPostmaster(cluster.path);
  if (!postmaster) return;
  let result: CommandResult | undefined;
  for (const mode of ["fast", "immediate"]) {
    result = await pgCtl(cluster, ["stop", "--mode", mode, "--wait", "--timeout", String(STOP_SECONDS)]);
    // pg_ctl is content when the pid file has gone, a moment before the process has.
    const patience = result.exitCode === 0 ? 5_000 : 0;
    if (await waitUntil(async () => !(await isAlive(postmaster.pid)) || undefined, patience, 5)) return;
  }
  throw new EmbeddedPostgresError(
    "EMBEDDED_STOP_FAILED",
    `The PostgreSQL server of ${cluster.path} (process ${postmaster.pid}) does not stop.`,
    `See ${logFile(cluster)}, and end that process by hand.`,
    new Error(result?.output ?? ""),
  );
}

/** The port of the server that runs already, once it takes connections; undefined when there is none. */
async function attach(cluster: Cluster): Promise<number | undefined> {
  const verdict = await waitUntil<Postmaster | "none">(async () => {
    const postmaster = await findPostmaster(cluster.path);
    if (!postmaster) return "none";
    return postmaster.status === "ready" && (await answers(postmaster.port)) ? postmaster : undefined;
  }, START_SECONDS * 1000);
  if (verdict === undefined) throw startFailed(cluster, "A server runs on it but takes no connections.");
  return verdict === "none" ? undefined : verdict.port;
}

/** Whether a start failed for a reason that goes away by itself: a lost race, or the last of a killed server. */
async function isPassing(cluster: Cluster, port: number, output: string): Promise<boolean> {
  const postmaster = await findPostmaster(cluster.path);
  if (postmaster && postmaster.port !== port) return true;
  // lock_file_exists: also when a backend of a killed server still holds its shared memory.
  if (/ F0001 FATAL:/.test(output)) return true;
  return !postmaster && (await isPortTaken(port));
}

function pgCtl(cluster: Cluster, args: readonly string[]): Promise<CommandResult> {
  const { runtime, path, identity } = cluster;
  const cwd = dirname(runtime.pgCtl);
  return runCommand(runtime.pgCtl, [...args, "--pgdata", path, "--silent"], { ...identity, cwd });
}

function logFile(cluster: Cluster): string {
  return join(cluster.path, "log");
}

async function logSize(cluster: Cluster): Promise<number> {
  return (await stat(logFile(cluster)).catch(() => undefined))?.size ?? 0;
}

/** What the server logged after `from`, at most the last 4 kB of it. */
async function readLog(cluster: Cluster, from: number): Promise<string> {
  const file = await open(logFile(cluster)).catch(() => undefined);
  if (!file) return "";
  try {
    const { size } = await file.stat();
    const start = Math.max(from, size - 4096);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.max(0, size - start)), {
      position: start,
    });
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

function startFailed(cluster: Cluster, output: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    "EMBEDDED_START_FAILED",
    `The PostgreSQL server of ${cluster.path} did not start.`,
    `See the cause for what it logged, and ${logFile(cluster)}. Or set DATABASE_URL to a PostgreSQL server.`,
    new Error(output),
  );
}
