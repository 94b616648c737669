import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
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
      legacyDirectory: resolve(".data/legacy"),
    });
  });

  it("may name a pooler only beside the database that it leads to", () => {
    const DATABASE_URL = "postgres://tenantry:secret@db/tenantry";
    const DATABASE_POOL_URL = "postgres://tenantry:secret@pooler:6432/tenantry";
    expect(parseConfig({ DATABASE_URL, DATABASE_POOL_URL }).databasePoolUrl).toBe(DATABASE_POOL_URL);
    expect(parseConfig({ DATABASE_URL }).databasePoolUrl).toBeNull();
    expect(() => parseConfig({ DATABASE_POOL_URL })).toThrow(
      /DATABASE_POOL_URL: needs DATABASE_URL(?!.*secret)/,
    );
  });

  it.each([
    [{ DATA_DIR: "/srv/data" }, "/srv/data/backups"],
    [{ BACKUP_URL: "file:///srv/backups/" }, "/srv/backups"],
    [{ BACKUP_URL: "file:///srv/my%20backups" }, "/srv/my backups"],
  ])("puts backups of %j into %s", (environment, directory) => {
    expect(parseConfig(environment).backups.url).toBe(pathToFileURL(directory).href);
  });

  it.each([
    [{ DATA_DIR: "/srv/data" }, "/srv/data/legacy"],
    [{ DATA_DIR: "/srv/data", LEGACY_DIR: "/mnt/old systems/" }, "/mnt/old systems"],
    [{ DATA_DIR: "/srv/data", LEGACY_DIR: "old" }, resolve("old")],
  ])("looks for legacy sources of %j in %s", (environment, directory) => {
    expect(parseConfig(environment).legacyDirectory).toBe(directory);
  });

  it.each([
    ["s3://key:secret@bucket/x"],
    ["s3://Bu/secret"],
    ["s3://backups/../secret"],
    ["s3://backups//secret"],
    ["s3://backups/a%20secret"],
    ["s3://backups:9000/secret"],
    ["s3:///secret"],
    ["https://x/secret"],
    ["/srv/secret"],
    ["file://host/secret"],
    ["file:///x?secret=1"],
    ["file:///x#secret"],
  ])("keeps no backups at %s, and doesn't repeat it", (BACKUP_URL) => {
    expect(() => parseConfig({ BACKUP_URL })).toThrow(/BACKUP_URL: must (?!.*secret)/);
  });

  it.each([
    [{}, pathToFileURL(resolve(".data/backups")).href],
    [{ DATA_DIR: "/srv/my data" }, "file:///srv/my%20data/backups"],
    [{ BACKUP_URL: "file:///srv/backups/" }, "file:///srv/backups"],
    [{ BACKUP_URL: "file:///" }, "file:///"],
    [{ BACKUP_URL: "s3://backups" }, "s3://backups"],
    [{ BACKUP_URL: "s3://my.backups/tenantry/eu-1/" }, "s3://my.backups/tenantry/eu-1"],
  ])("keeps the backups of %j in %s", (environment, url) => {
    expect(parseConfig(environment).backups.url).toBe(url);
  });

  it("keeps every backup, open and only when asked for, unless it is told otherwise", () => {
    expect(parseConfig({}).backups).toMatchObject({
      key: null,
      schedule: null,
      retention: null,
      restoreKeepMs: 7 * 86_400_000,
      s3Endpoint: null,
    });
  });

  it("takes a key, a schedule, a retention and a store's address for backups", () => {
    const key = randomBytes(32);
    const { backups } = parseConfig({
      BACKUP_KEY: key.toString("base64"),
      BACKUP_SCHEDULE: " 30  2 * * 1-5 ",
      BACKUP_RETENTION: "last=7, daily=14,monthly=12",
      RESTORE_KEEP: "36h",
      S3_ENDPOINT: "http://127.0.0.1:9000/",
    });
    expect(backups).toMatchObject({
      key,
      schedule: "30 2 * * 1-5",
      retention: { last: 7, daily: 14, weekly: 0, monthly: 12 },
      restoreKeepMs: 36 * 3_600_000,
      s3Endpoint: "http://127.0.0.1:9000",
    });
  });

  it.each([
    ["BACKUP_KEY", "secret"],
    ["BACKUP_KEY", randomBytes(31).toString("base64")],
    ["BACKUP_KEY", `${randomBytes(32).toString("base64")} `],
    ["BACKUP_KEY", randomBytes(32).toString("hex")],
    ["BACKUP_SCHEDULE", "daily"],
    ["BACKUP_SCHEDULE", "@daily"],
    ["BACKUP_SCHEDULE", "0 30 2 * * *"],
    ["BACKUP_SCHEDULE", "61 2 * * *"],
    ["BACKUP_SCHEDULE", "0 0 30 2 *"],
    ["BACKUP_RETENTION", "7"],
    ["BACKUP_RETENTION", "last=0"],
    ["BACKUP_RETENTION", "last=0,daily=0,weekly=0,monthly=0"],
    ["BACKUP_RETENTION", "last=1,last=2"],
    ["BACKUP_RETENTION", "last=-1"],
    ["BACKUP_RETENTION", "hourly=3"],
    ["BACKUP_RETENTION", "last=7,"],
    ["RESTORE_KEEP", "0d"],
    ["RESTORE_KEEP", "a week"],
    ["S3_ENDPOINT", "127.0.0.1:9000"],
    ["S3_ENDPOINT", "http://key:secret@store.example"],
  ])("refuses %s=%s, and doesn't repeat it", (name, value) => {
    expect(() => parseConfig({ [name]: value })).toThrow(ConfigError);
    try {
      parseConfig({ [name]: value });
    } catch (error) {
      const { faults } = error as ConfigError;
      expect(faults).toHaveLength(1);
      expect(faults[0]).toMatch(new RegExp(`^${name}: must `));
      if (name === "BACKUP_KEY" || value.includes("secret")) expect(faults[0]).not.toContain(value);
    }
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
      TENANTRY_BLUEPRINTS: "./notes, /srv/tasks,",
    });
    expect(config).toMatchObject({
      port: 0,
      sessionTtlMs: 1_800_000,
      workerConcurrency: 7,
      dataDir: "/srv/data",
      trustProxy: ["10.0.0.0/8", "::1"],
      blueprintFolders: ["./notes", "/srv/tasks"],
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
      TENANTRY_BLUEPRINTS: " , ",
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
