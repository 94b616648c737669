import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { freePort } from "./free-port.ts";

export interface RedisServer {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/**
 * Starts the system's `redis-server` in memory only, on a free port unless one is given. Null when there is none installed.
 * `settings` are more of its command line's.
 */
export async function startRedis(
  settings: readonly string[] = [],
  port?: number,
): Promise<RedisServer | null> {
  port ??= await freePort();
  const server = spawn(
    "redis-server",
    [
      "--port",
      String(port),
      "--bind",
      "127.0.0.1",
      "--save",
      "",
      "--appendonly",
      "no",
      "--maxmemory-policy",
      "noeviction",
      ...settings,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const missing = once(server, "error").then(() => false);
  if (!(await Promise.race([missing, ready(server)]))) return null;
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      const ended = once(server, "exit");
      server.kill("SIGTERM");
      await ended;
    },
  };
}

async function ready(server: ChildProcess): Promise<boolean> {
  if (server.stdout === null) return false;
  for await (const line of createInterface({ input: server.stdout })) {
    if (line.includes("Ready to accept connections")) {
      server.stdout.resume();
      return true;
    }
  }
  return false;
}
