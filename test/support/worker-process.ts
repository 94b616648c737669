import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { TEST_LEASE_MS } from "./tenantry.ts";

export interface WorkerProcess {
  readonly pid: number;
  /** Shown by its PostgreSQL connections. */
  readonly role: string;
  signal(signal: NodeJS.Signals): void;
  /** Ends it without a chance to say goodbye. */
  kill(): Promise<void>;
}

let started = 0;

/** Whom nothing belongs to, on Linux as on a Mac. */
const NOBODY = 65_534;

/**
 * A worker in a process of its own, to be killed: at the latest when the test ends. Resolves when it takes jobs.
 *
 * `unprivileged`: not as root, whoever runs the tests.
 */
export async function startWorkerProcess(
  databaseUrl: string,
  redisUrl: string | null,
  backupDirectory = "",
  legacyDirectory = "",
  {
    unprivileged = false,
    nodeOptions = [],
  }: { readonly unprivileged?: boolean; readonly nodeOptions?: readonly string[] } = {},
): Promise<WorkerProcess> {
  started += 1;
  const role = `victim${started}`;
  const child = fork(new URL("./worker-main.ts", import.meta.url), {
    env: {
      PATH: process.env.PATH,
      // The command line's: see apps/cli/src/main.ts.
      NODE_COMPILE_CACHE: fileURLToPath(new URL("../../node_modules/.cache/tenantry", import.meta.url)),
      TEST_DATABASE_URL: databaseUrl,
      TEST_REDIS_URL: redisUrl ?? "",
      TEST_LEASE_MS: String(TEST_LEASE_MS),
      TEST_ROLE: role,
      TEST_BACKUPS: backupDirectory,
      TEST_LEGACY: legacyDirectory,
    },
    execArgv: [...nodeOptions],
    ...(unprivileged && process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}),
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const exited = once(child, "exit");
  onTestFinished(() => end(child, exited));
  await Promise.race([
    once(child, "message"),
    exited.then(() => Promise.reject(new Error("the worker did not start"))),
  ]);
  if (child.pid === undefined) throw new Error("the worker has no pid");
  return {
    pid: child.pid,
    role,
    signal: (signal) => void child.kill(signal),
    kill: () => end(child, exited),
  };
}

async function end(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  child.kill("SIGKILL");
  await exited;
}
