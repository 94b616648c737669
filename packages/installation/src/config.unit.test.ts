import { resolve } from "node:path";
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
      backupDirectory: resolve(".data/backups"),
      legacyDirectory: resolve(".data/legacy"),
    });
  });

  it.each([
    [{ DATA_DIR: "/srv/data" }, "/srv/data/backups"],
    [{ BACKUP_URL: "file:///srv/backups/" }, "/srv/backups"],
    [{ BACKUP_URL: "file:///srv/my%20backups" }, "/srv/my backups"],
  ])("puts backups of %j into %s", (environment, directory) => {
    expect(parseConfig(environment).backupDirectory).toBe(directory);
  });

  it.each([
    [{ DATA_DIR: "/srv/data" }, "/srv/data/legacy"],
    [{ DATA_DIR: "/srv/data", LEGACY_DIR: "/mnt/old systems/" }, "/mnt/old systems"],
    [{ DATA_DIR: "/srv/data", LEGACY_DIR: "old" }, resolve("old")],
  ])("looks for legacy sources of %j in %s", (environment, directory) => {
    expect(parseConfig(environment).legacyDirectory).toBe(directory);
  });

  it.each([
    "s3://key-secret@bucket",
    "https://x/secret",
    "/srv/secret",
    "file://host/secret",
    "file:///x?secret=1",
  ])("keeps no backups at %s, and doesn't repeat it", (BACKUP_URL) => {
    expect(() => parseConfig({ BACKUP_URL })).toThrow(/BACKUP_URL: must be a file:\/\/ URL (?!.*secret)/);
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
      LEGACY_DIR: "/srv/secret\n",
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
