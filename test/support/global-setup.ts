import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedPostgres } from "@tenantry/embedded";
import type { TestProject } from "vitest/node";
import { startRedis } from "./redis-server.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A login that may create databases and roles. */
    adminUrl: string;
    /** Null where there is no Redis to test with. */
    redisUrl: string | null;
  }
}

/** Starts one PostgreSQL and, where there is one to be had, one Redis for all test files of a project. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stops: (() => Promise<void>)[] = [];
  const { DATABASE_URL, REDIS_URL } = process.env;
  if (DATABASE_URL !== undefined && DATABASE_URL !== "") {
    project.provide("adminUrl", DATABASE_URL);
  } else {
    const dataDir = await mkdtemp(join(tmpdir(), "tenantry-test-"));
    const postgres = await startEmbeddedPostgres({ dataDir, ephemeral: true });
    project.provide("adminUrl", postgres.superuserUrl);
    stops.push(async () => {
      await postgres.stop();
      await rm(dataDir, { recursive: true, force: true });
    });
  }
  if (REDIS_URL !== undefined && REDIS_URL !== "") {
    project.provide("redisUrl", REDIS_URL);
  } else {
    const redis = await startRedis();
    if (redis === null) {
      process.stderr.write("No redis-server on the PATH: the queue is tested on PostgreSQL only.\n");
    } else {
      stops.push(redis.stop);
    }
    project.provide("redisUrl", redis?.url ?? null);
  }
  return async () => {
    for (const stop of stops.reverse()) await stop();
  };
}
