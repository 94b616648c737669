import pg from "pg";
import type { TestProject } from "vitest/node";
import { containerServices, localServices } from "./services.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A login that may create databases and roles. */
    adminUrl: string;
    /** Null where there is no Redis to test with. */
    redisUrl: string | null;
    /** The Redis that queues lie in; null for queues in PostgreSQL. */
    queueRedisUrl: string | null;
  }
}

/** Finds or starts one PostgreSQL and one Redis for all test files of a project. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { DATABASE_URL, REDIS_URL, TEST_SERVICES } = process.env;
  const source = TEST_SERVICES === "containers" ? containerServices : localServices;
  const postgres = DATABASE_URL ? given(DATABASE_URL) : await source.postgres();
  await assertEnoughConnections(postgres.url);
  const redis = REDIS_URL ? given(REDIS_URL) : await source.redis();
  if (redis === null) {
    process.stderr.write("No redis-server on the PATH: tenants' keys in Redis aren't tested.\n");
  }
  const isNamed = Boolean(REDIS_URL) || TEST_SERVICES === "containers";
  project.provide("adminUrl", postgres.url);
  project.provide("redisUrl", redis?.url ?? null);
  project.provide("queueRedisUrl", isNamed ? (redis?.url ?? null) : null);
  return async () => {
    await redis?.stop();
    await postgres.stop();
  };
}

/** Several files at once, each with whole installations of its own: a server's default of 100 doesn't reach. */
const CONNECTIONS = 500;

async function assertEnoughConnections(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query("SHOW max_connections").finally(() => client.end());
  const most = Number(rows[0]?.max_connections);
  if (most >= CONNECTIONS) return;
  throw new Error(
    `The tests need a PostgreSQL with max_connections of ${CONNECTIONS} or more; this one has ${most}.`,
  );
}

function given(url: string) {
  return { url, stop: async () => undefined };
}
