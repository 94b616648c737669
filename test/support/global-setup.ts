import type { TestProject } from "vitest/node";
import { containerServices, localServices } from "./services.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A login that may create databases and roles. */
    adminUrl: string;
    /** Null where there is no Redis to test with. */
    redisUrl: string | null;
  }
}

/** Finds or starts one PostgreSQL and one Redis for all test files of a project. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { DATABASE_URL, REDIS_URL, TEST_SERVICES } = process.env;
  const source = TEST_SERVICES === "containers" ? containerServices : localServices;
  const postgres = DATABASE_URL ? given(DATABASE_URL) : await source.postgres();
  const redis = REDIS_URL ? given(REDIS_URL) : await source.redis();
  if (redis === null) {
    process.stderr.write("No redis-server on the PATH: the queue is tested on PostgreSQL only.\n");
  }
  project.provide("adminUrl", postgres.url);
  project.provide("redisUrl", redis?.url ?? null);
  return async () => {
    await redis?.stop();
    await postgres.stop();
  };
}

function given(url: string) {
  return { url, stop: async () => undefined };
}
