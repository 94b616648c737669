import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "../measuring/free-port.ts";

/** API and worker, each a process of its own, as they are run in earnest. */
export interface Services {
  readonly address: string;
  readonly api: number;
  readonly worker: number;
  stop(): Promise<void>;
}

export interface ServicesOptions {
  readonly databaseUrl: string;
  readonly redisUrl: string | null;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts both. Resolves when the API answers. */
export async function startServices(options: ServicesOptions): Promise<Services> {
  const directory = await mkdtemp(join(tmpdir(), "tenantry-bench-services-"));
  const port = await freePort();
  const env: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    DATABASE_URL: options.databaseUrl,
    ...(options.redisUrl === null ? {} : { REDIS_URL: options.redisUrl }),
    DATA_DIR: directory,
    PORT: String(port),
    OPS_PASSWORD: "nobody signs in here",
    LOG_LEVEL: "warn",
    WORKER_CONCURRENCY: "4",
    ...options.environment,
  };
  const start = (app: "api" | "worker"): ChildProcess =>
    spawn(process.execPath, [fileURLToPath(new URL(`../../apps/${app}/src/main.ts`, import.meta.url))], {
      env,
      stdio: ["ignore", "ignore", "inherit"],
    });
  // Both would bring the control schema up to date; one after the other they don't wait for each other.
  const api = start("api");
  const address = `http://127.0.0.1:${port}`;
  await untilReady(api, address);
  const worker = start("worker");
  return {
    address,
    api: api.pid ?? 0,
    worker: worker.pid ?? 0,
    stop: async () => {
      await Promise.all([api, worker].map(end));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const START_MS = 60_000;

async function untilReady(api: ChildProcess, address: string): Promise<void> {
  for (const deadline = Date.now() + START_MS; ; await wait(100)) {
    const answer = await fetch(`${address}/readyz`).catch(() => null);
    if (answer?.status === 200) return;
    if (api.exitCode !== null || Date.now() > deadline) throw new Error("the API did not start");
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
  await ended;
  clearTimeout(timer);
}
