import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedPostgres } from "@tenantry/embedded";
import { startRedis } from "./redis-server.ts";

/** A server for the tests, and how to be rid of it. */
export interface Service {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** Where the test's servers come from, unless `DATABASE_URL` and `REDIS_URL` name some that run already. */
export interface ServiceSource {
  postgres(): Promise<Service>;
  /** Null where there is none to be had. */
  redis(): Promise<Service | null>;
}

/** What npm brings, and the system's own `redis-server` if it has one. */
export const localServices: ServiceSource = {
  postgres: async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "tenantry-test-"));
    const postgres = await startEmbeddedPostgres({ dataDir, ephemeral: true });
    return {
      url: postgres.superuserUrl,
      stop: async () => {
        await postgres.stop();
        await rm(dataDir, { recursive: true, force: true });
      },
    };
  },
  redis: () => startRedis(),
};

const PASSWORD = "only for tests";

/** Containers, for those who have a Docker engine: `TEST_SERVICES=containers npm test`. */
export const containerServices: ServiceSource = {
  postgres: async () => {
    const { GenericContainer, Wait } = await import("testcontainers");
    const container = await new GenericContainer("postgres:18")
      .withEnvironment({ POSTGRES_PASSWORD: PASSWORD })
      .withCommand([
        "postgres",
        "-c",
        "fsync=off",
        "-c",
        "max_connections=600",
        "-c",
        "max_locks_per_transaction=256",
      ])
      .withExposedPorts(5432)
      // The image starts a first, private server to set itself up; the second message is the one that counts.
      .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/, 2))
      .start();
    const address = `${container.getHost()}:${container.getMappedPort(5432)}`;
    return {
      url: `postgres://postgres:${encodeURIComponent(PASSWORD)}@${address}/postgres`,
      stop: async () => void (await container.stop()),
    };
  },
  redis: async () => {
    const { GenericContainer, Wait } = await import("testcontainers");
    const container = await new GenericContainer("redis:7")
      .withCommand(["redis-server", "--save", "", "--maxmemory-policy", "noeviction"])
      .withExposedPorts(6379)
      .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
      .start();
    return {
      url: `redis://${container.getHost()}:${container.getMappedPort(6379)}`,
      stop: async () => void (await container.stop()),
    };
  },
};
