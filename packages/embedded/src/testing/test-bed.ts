import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync } from "node:fs";
import { mkdtemp, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { parsePidFile } from "../postmaster.ts";
import { isAlive } from "../processes.ts";
import type { Identity } from "../run-command.ts";
import { waitUntil } from "../wait-until.ts";

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** A process of its own that uses a cluster. */
export interface Holder {
  readonly pid: number;
  readonly port: number;
  readonly superuserUrl: string;
  /** Lets it leave the cluster and end. */
  leave(): Promise<void>;
  /** Kills it and its whole process group, as Ctrl-C reaches a group, but with no chance to clean up. */
  kill(): Promise<void>;
}

export interface HolderOptions extends Identity {
  readonly ephemeral?: boolean;
  /** Another installation's copy of this program and of Node. */
  readonly script?: string;
  readonly node?: string;
}

const children = new Set<Child>();
const directories = new Set<string>();

/** A new directory, removed by `cleanUp` with whatever runs in it. Anybody may enter it unless `mode` says otherwise. */
export async function testDirectory(mode = 0o755): Promise<string> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), "tenantry-embedded-")));
  chmodSync(directory, mode);
  directories.add(directory);
  return directory;
}

/** Ends every process that a test has left and removes its directories. */
export async function cleanUp(): Promise<void> {
  for (const child of children) await killGroup(child);
  for (const directory of directories) {
    for (const dataDir of [directory, join(directory, "data")]) {
      const cluster = await realpath(join(dataDir, "postgres")).catch(() => undefined);
      if (!cluster) continue;
      await killServer(dataDir);
      await rm(cluster, { recursive: true, force: true });
    }
    await rm(directory, { recursive: true, force: true });
  }
  directories.clear();
}

/** Starts a process that uses the cluster in `dataDir`, without waiting until it does. */
export function spawnHolder(dataDir: string, options: HolderOptions = {}): Child {
  const script = options.script ?? fileURLToPath(new URL("./hold-server.ts", import.meta.url));
  const { uid, gid } = options;
  const child = spawn(
    options.node ?? process.execPath,
    [script, dataDir, options.ephemeral ? "ephemeral" : "durable"],
    {
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
      cwd: "/",
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    },
  );
  children.add(child);
  return child;
}

/** Starts a process that uses the cluster in `dataDir`, and waits until it does. */
export async function startHolder(dataDir: string, options: HolderOptions = {}): Promise<Holder> {
  const child = spawnHolder(dataDir, options);
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), "line").then(([text]) => text as string),
    once(child, "close").then(() => undefined),
  ]);
  if (line === undefined) throw new Error(`It ended without a server: ${errors}`);
  const { port, superuserUrl } = JSON.parse(line) as { port: number; superuserUrl: string };
  const leave = async () => {
    child.stdin.end();
    const [code] = child.exitCode === null ? await once(child, "close") : [child.exitCode];
    children.delete(child);
    if (code !== 0) throw new Error(`It left with exit code ${code}: ${errors}`);
  };
  return { pid: child.pid ?? 0, port, superuserUrl, leave, kill: () => killGroup(child) };
}

export async function killGroup(child: Child): Promise<void> {
  children.delete(child);
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const closed = once(child, "close");
  process.kill(-child.pid, "SIGKILL");
  await closed;
}

/** The process id of the cluster's server, or undefined when none is noted. */
export async function serverPid(dataDir: string): Promise<number | undefined> {
  return parsePidFile(await readFile(join(dataDir, "postgres", "postmaster.pid"), "utf8").catch(() => ""))
    ?.pid;
}

/** Kills the server as `kill -9` does and waits for its end. */
export async function killServer(dataDir: string): Promise<void> {
  const pid = await serverPid(dataDir);
  if (pid === undefined || !(await isAlive(pid))) return;
  process.kill(pid, "SIGKILL");
  await waitUntil(async () => !(await isAlive(pid)) || undefined, 10_000, 5);
}

/** Runs one statement on a connection of its own. */
export async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  // A server that is killed says so as an event too, beside the query's rejection; unheard it would end the process.
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** Whether a PostgreSQL server takes connections at the URL. */
export async function isServing(url: string): Promise<boolean> {
  return query(url, "select 1").then(
    () => true,
    () => false,
  );
}
