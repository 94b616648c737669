import { isIP } from "node:net";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import {
  type BackupConfig,
  backupKey,
  backupRetention,
  backupSchedule,
  parseBackupUrl,
  s3Endpoint,
} from "./backup-config.ts";

/** What an installation is told from outside, read once at the start and passed down. */
export interface Config {
  /** Null: the embedded PostgreSQL. */
  readonly databaseUrl: string | null;
  /** A pooler in transaction mode before that database: all go through it but those that listen. Null: there is none. */
  readonly databasePoolUrl: string | null;
  /** Null: the queue lives in PostgreSQL. */
  readonly redisUrl: string | null;
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Absolute. */
  readonly dataDir: string;
  readonly backups: BackupConfig;
  /** Absolute. Legacy sources that requests name lie in it; nothing outside it is read for them. */
  readonly legacyDirectory: string;
  /** Folders of blueprints beside those that ship with Tenantry; relative to the working directory, as they were named. */
  readonly blueprintFolders: readonly string[];
  readonly opsUser: string;
  /** Null: made and printed at first start. */
  readonly opsPassword: string | null;
  readonly sessionTtlMs: number;
  /** Tenants worked on at once by one worker. */
  readonly workerConcurrency: number;
  /** Schemas to keep ready-made of each blueprint; null when nothing is said. */
  readonly warmTenants: number | null;
  readonly logLevel: LogLevel;
  /** Proxies whose `X-Forwarded-*` headers are believed: addresses and networks. */
  readonly trustProxy: readonly string[];
}

export const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Everything that is wrong with the environment, in one message. */
export class ConfigError extends Error {
  readonly code = "CONFIG_INVALID";
  override readonly name = "ConfigError";
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`The environment is wrong:\n${faults.map((fault) => `  ${fault}`).join("\n")}`);
    this.faults = faults;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the environment; see docs/configuration.md for the variables.
 *
 * @throws ConfigError naming every fault.
 */
export function parseConfig(environment: Environment): Config {
  const faults: string[] = [];
  const read = <T>(name: string, fallback: T, parse: (text: string) => T): T => {
    const text = environment[name];
    if (text === undefined || text === "") return fallback;
    try {
      return parse(text);
    } catch (error) {
      faults.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      return fallback;
    }
  };
  const dataDir = resolve(read("DATA_DIR", ".data", text(4096)));
  const localBackups = join(dataDir, "backups");
  const backups: BackupConfig = {
    url: read("BACKUP_URL", pathToFileURL(localBackups).href, parseBackupUrl),
    key: read("BACKUP_KEY", null, backupKey),
    schedule: read("BACKUP_SCHEDULE", null, backupSchedule),
    retention: read("BACKUP_RETENTION", null, backupRetention),
    restoreKeepMs: read("RESTORE_KEEP", 7 * DAY_MS, duration),
    s3Endpoint: read("S3_ENDPOINT", null, s3Endpoint),
  };
  const config: Config = {
    databaseUrl: read("DATABASE_URL", null, url(["postgres:", "postgresql:"])),
    databasePoolUrl: read("DATABASE_POOL_URL", null, url(["postgres:", "postgresql:"])),
    redisUrl: read("REDIS_URL", null, url(["redis:", "rediss:"])),
    host: read("HOST", "127.0.0.1", text(255)),
    port: read("PORT", 3000, integer(0, 65_535)),
    dataDir,
    backups,
    legacyDirectory: resolve(read("LEGACY_DIR", join(dataDir, "legacy"), text(4096))),
    blueprintFolders: read("TENANTRY_BLUEPRINTS", [], folders),
    opsUser: read("OPS_USER", "ops", text(100)),
    opsPassword: read("OPS_PASSWORD", null, password),
    sessionTtlMs: read("SESSION_TTL", 8 * HOUR_MS, duration),
    workerConcurrency: read("WORKER_CONCURRENCY", availableParallelism() * 2, integer(1, 256)),
    warmTenants: read<number | null>("WARM_TENANTS", null, integer(0, 1_000)),
    logLevel: read("LOG_LEVEL", "info", oneOf(LOG_LEVELS)),
    trustProxy: read("TRUST_PROXY", [], addresses),
  };
  if (config.databasePoolUrl !== null && config.databaseUrl === null) {
    faults.push("DATABASE_POOL_URL: needs DATABASE_URL, the same database without the pooler");
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return config;
}

/** The value itself is never part of the message: an URL may hold a password. */
function url(protocols: readonly string[]): (value: string) => string {
  return (value) => {
    if (!URL.canParse(value) || !protocols.includes(new URL(value).protocol)) {
      throw new Error(`must be a URL that begins with ${protocols.map((name) => `${name}//`).join(" or ")}`);
    }
    return value;
  };
}

function text(maxLength: number): (value: string) => string {
  return (value) => {
    if (value.length > maxLength || /\p{Cc}/u.test(value)) {
      throw new Error(`must have at most ${maxLength} characters and no control characters`);
    }
    return value;
  };
}

function folders(value: string): string[] {
  const list = text(4096)(value)
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
  if (list.length === 0) throw new Error("must name folders, separated by commas");
  return list;
}

function password(value: string): string {
  if (value.length < 8 || value.length > 128) throw new Error("must have 8 to 128 characters");
  return value;
}

function integer(minimum: number, maximum: number): (value: string) => number {
  return (value) => {
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= minimum && number <= maximum)) {
      throw new Error(`must be a whole number from ${minimum} to ${maximum}`);
    }
    return number;
  };
}

function addresses(value: string): string[] {
  const list = value.split(",").map((entry) => entry.trim());
  for (const entry of list) {
    const [address = "", prefix, ...rest] = entry.split("/");
    const longest = isIP(address) === 4 ? 32 : 128;
    const prefixFits = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= longest);
    if (isIP(address) === 0 || !prefixFits || rest.length > 0) {
      throw new Error("must be IP addresses or networks, such as 10.0.0.0/8, separated by commas");
    }
  }
  return list;
}

function oneOf<T extends string>(values: readonly T[]): (value: string) => T {
  return (value) => {
    const found = values.find((candidate) => candidate === value);
    if (found === undefined) throw new Error(`must be one of ${values.join(", ")}`);
    return found;
  };
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: HOUR_MS, d: DAY_MS };
const LONGEST_DURATION_MS = 365 * DAY_MS;

function duration(value: string): number {
  const match = /^(\d{1,7})([smhd])$/.exec(value);
  const milliseconds = Number(match?.[1]) * (UNITS[match?.[2] ?? ""] ?? Number.NaN);
  if (!(milliseconds > 0 && milliseconds <= LONGEST_DURATION_MS)) {
    throw new Error("must be a time such as 90s, 30m, 8h or 7d, of at most 365d");
  }
  return milliseconds;
}
