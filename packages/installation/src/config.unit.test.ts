import { describe, expect, it } from "vitest";
import { ConfigError, parseConfig } from "./config.ts";

describe("the environment", () => {
  it("may be empty", () => {
    expect(parseConfig({})).toMatchObject({
      databaseUrl: null,
      redisUrl: null,
      host: "127.0.0.1",
      port: 3000,
      opsUser: "ops",
      opsPassword: null,
      sessionTtlMs: 8 * 3_600_000,
      logLevel: "info",
    });
  });

  it("is read whole", () => {
    const config = parseConfig({
      DATABASE_URL: "postgres://u:p@db/x",
      REDIS_URL: "redis://cache",
      PORT: "0",
      SESSION_TTL: "30m",
      WORKER_CONCURRENCY: "7",
      LOG_LEVEL: "debug",
      DATA_DIR: "/srv/data",
      TRUST_PROXY: "10.0.0.0/8, ::1",
    });
    expect(config).toMatchObject({
      port: 0,
      sessionTtlMs: 1_800_000,
      workerConcurrency: 7,
      dataDir: "/srv/data",
      trustProxy: ["10.0.0.0/8", "::1"],
    });
  });

  it("is refused with every fault at once, and without the values, which may be secret", () => {
    const wrong = {
      DATABASE_URL: "mysql://secret@x",
      REDIS_URL: "nonsense-secret",
      PORT: "70000",
      SESSION_TTL: "forever",
      WORKER_CONCURRENCY: "0",
      LOG_LEVEL: "loud",
      OPS_PASSWORD: "secret",
      TRUST_PROXY: "10.0.0.0/8, secret",
    };
    const attempt = (): unknown => parseConfig(wrong);
    expect(attempt).toThrow(ConfigError);
    try {
      attempt();
    } catch (error) {
      const { message } = error as ConfigError;
      for (const name of Object.keys(wrong)) expect(message).toContain(`${name}: `);
      expect(message).not.toContain("secret");
    }
  });
});
