import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { promisify } from "node:util";
import { watchMemory } from "../measuring/memory.ts";

const run = promisify(execFile);

/** What a program did. */
export interface ProgramRun {
  readonly seconds: number;
  /** What it held with all that it started, resident; null where there is no Linux `/proc`. */
  readonly peakMb: number | null;
}

/** One way to back up a schema, and to bring it back from what it wrote. */
export interface Peer {
  readonly name: string;
  dump(databaseUrl: string, schema: string, file: string): Promise<ProgramRun & { readonly bytes: number }>;
}

/** The installed version of a program of PostgreSQL's or of zstd; null where there is none. */
export async function versionOf(program: string): Promise<string | null> {
  const answer = await run(program, ["--version"]).catch(() => null);
  return answer === null ? null : (/\d+(\.\d+)+/.exec(answer.stdout)?.[0] ?? "unknown");
}

/** As it is: gzip at level 6, all that PostgreSQL 15's pg_dump knows. */
export const pgDump: Peer = {
  name: "pg_dump -Fc",
  dump: (url, schema, file) => dumped(file, `pg_dump -Fc -n ${schema} -f ${file} ${url}`),
};

/** Its fastest compression. */
export const pgDumpFast: Peer = {
  name: "pg_dump -Fc -Z1",
  dump: (url, schema, file) => dumped(file, `pg_dump -Fc -Z1 -n ${schema} -f ${file} ${url}`),
};

/** What `-Z zstd` is in later versions, in a process beside it: the strongest there is. The file is on disk for good, as pg_dump's own. */
export const pgDumpZstd: Peer = {
  name: "pg_dump -Fc -Z0 | zstd -1",
  dump: (url, schema, file) =>
    dumped(file, `pg_dump -Fc -Z0 -n ${schema} ${url} | zstd -1 -T0 -q -f -o ${file} && sync ${file}`),
};

export interface RestorePeer {
  readonly name: string;
  restore(databaseUrl: string, file: string): Promise<ProgramRun>;
}

/** All or nothing, as Tenantry restores; it compares nothing. */
export const pgRestoreAtOnce: RestorePeer = {
  name: "pg_restore --single-transaction",
  restore: (url, file) => runShell(`pg_restore -1 -d ${url} ${file}`),
};

/** As it is: each statement a transaction. */
export const pgRestore: RestorePeer = {
  name: "pg_restore",
  restore: (url, file) => runShell(`pg_restore -d ${url} ${file}`),
};

/** Tables and indexes beside each other, in two transactions at a time. */
export const pgRestoreParallel: RestorePeer = {
  name: "pg_restore --jobs=2",
  restore: (url, file) => runShell(`pg_restore -j 2 -d ${url} ${file}`),
};

async function dumped(file: string, command: string): Promise<ProgramRun & { bytes: number }> {
  const done = await runShell(command);
  return { ...done, bytes: (await stat(file)).size };
}

/** Names and paths are the benchmark's own: none needs quotes. */
async function runShell(command: string): Promise<ProgramRun> {
  const begun = performance.now();
  const child = spawn("sh", ["-c", `set -e; ${command}`], { stdio: ["ignore", "ignore", "pipe"] });
  const memory = watchMemory(child.pid ?? 0);
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [code] = await once(child, "exit");
  const seconds = (performance.now() - begun) / 1000;
  const peak = await memory.stop();
  if (code !== 0) throw new Error(`${command}: ${said.slice(0, 1000)}`);
  return { seconds, peakMb: peak?.togetherMb ?? null };
}
