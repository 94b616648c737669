import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "./free-port.ts";

export interface RedisServer {
  readonly url: string;
  readonly version: string;
  stop(): Promise<void>;
}

/**
 * The Redis to measure with: the one that `url` names, else a private one from a `redis-server` on the path, set up as
 * `docker-compose.yml` sets up its own (AOF, `noeviction`). Null when there is neither.
 */
export async function startRedis(url: string | undefined): Promise<RedisServer | null> {
  if (url !== undefined && url !== "")
    return { url, version: "given by REDIS_URL", stop: async () => undefined };
  const directory = await mkdtemp(join(tmpdir(), "tenantry-bench-redis-"));
  const port = await freePort();
  const child = spawn(
    "redis-server",
    [
      ...["--port", String(port), "--bind", "127.0.0.1", "--dir", directory],
      ...["--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction"],
    ],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      const ended = once(child, "exit");
      child.kill();
      await ended;
    }
    await rm(directory, { recursive: true, force: true });
  };
  const version = await versionWhenReady(child);
  if (version === null) {
    await stop();
    return null;
  }
  return { url: `redis://127.0.0.1:${port}`, version, stop };
}

/** Null when there is no such program, or it ends instead of starting. */
async function versionWhenReady(child: ChildProcess): Promise<string | null> {
  const verdict = Promise.withResolvers<string | null>();
  child.on("error", () => verdict.resolve(null));
  child.on("exit", () => verdict.resolve(null));
  let version = "unknown";
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on("line", (line) => {
      version = /version=([\d.]+)/.exec(line)?.[1] ?? version;
      if (line.includes("Ready to accept connections")) verdict.resolve(version);
    });
  }
  return verdict.promise;
}
