import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { CronExpressionParser } from "cron-parser";

/** Backups that are kept, by what they are the newest of. */
export interface BackupRetention {
  /** The newest ones. */
  readonly last: number;
  /** The newest of each of so many days, and so on; in UTC. */
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
}

/** What an installation is told of its backups. */
export interface BackupConfig {
  /** `file:///…`, absolute, or `s3://bucket/prefix`; no slash at the end. */
  readonly url: string;
  /** 32 bytes. Null: backups are neither encrypted nor signed. */
  readonly key: Buffer | null;
  /** A cron expression of five fields, in UTC. Null: nobody makes backups but whoever asks for them. */
  readonly schedule: string | null;
  /** Null: none is removed. */
  readonly retention: BackupRetention | null;
  /** How long the schema that a restore replaced is kept. */
  readonly restoreKeepMs: number;
  /** Null: Amazon's. */
  readonly s3Endpoint: string | null;
}

/** Of an installation that was told nothing but a folder. */
export function backupsIn(directory: string): BackupConfig {
  return {
    url: pathToFileURL(resolve(directory)).href,
    key: null,
    schedule: null,
    retention: null,
    restoreKeepMs: 7 * 86_400_000,
    s3Endpoint: null,
  };
}

const MAX_URL = 1_024;
/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** Parts of a prefix: what needs no encoding anywhere, and is no `.` or `..`. */
const PREFIX = /^(\/(?!\.{1,2}(\/|$))[\w.-]+)*\/?$/;
const KEY_BYTES = 32;
const RETENTION_NAMES = ["last", "daily", "weekly", "monthly"] as const;
const MAX_KEPT = 10_000;

/**
 * Reads the address of a store, and puts it into the form of `BackupConfig`.
 *
 * @throws Error saying what it must be, without the value: a store's URL may hold its key.
 */
export function parseBackupUrl(value: string): string {
  const url = value.length <= MAX_URL && URL.canParse(value) ? new URL(value) : null;
  const plain = url !== null && url.username === "" && url.password === "" && url.port === "";
  if (!plain || url.search !== "" || url.hash !== "" || !["file:", "s3:"].includes(url.protocol)) {
    throw new Error(
      "must be file:// with the absolute path of a folder, such as file:///srv/tenantry/backups, or s3://bucket/prefix; credentials for S3 come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS's other variables and files",
    );
  }
  if (url.protocol === "s3:") {
    // As it was written: a URL's own path has its `..` resolved, which an object's name never has.
    const [bucket = "", ...path] = value.slice("s3://".length).split("/");
    const prefix = path.map((part) => `/${part}`).join("");
    if (!BUCKET.test(bucket) || !PREFIX.test(prefix)) {
      throw new Error(
        "must name a bucket of 3 to 63 small letters, digits, dots and hyphens; the prefix may have letters, digits and ._-/",
      );
    }
    return `s3://${bucket}${prefix.replace(/\/$/, "")}`;
  }
  if (url.host !== "") throw new Error("must have three slashes after file: a folder of this machine");
  return `file://${new URL(url.pathname.replace(/(?<=.)\/+$/, ""), "file:///").pathname}`;
}

export function backupKey(value: string): Buffer {
  const key = Buffer.from(value, "base64");
  if (key.length !== KEY_BYTES || key.toString("base64") !== value) {
    throw new Error("must be 32 bytes in base64, 44 characters: `openssl rand -base64 32` makes one");
  }
  return key;
}

/** Checked by the library that the queue reads it with. */
export function backupSchedule(value: string): string {
  const fields = value.trim().split(/\s+/);
  try {
    if (fields.length !== 5) throw new Error("not five fields");
    CronExpressionParser.parse(fields.join(" "), { tz: "UTC" }).next();
  } catch {
    throw new Error(
      "must be a cron expression of five fields (minute, hour, day of the month, month, day of the week; UTC) that comes due some day, such as `30 2 * * *`",
    );
  }
  return fields.join(" ");
}

export function backupRetention(value: string): BackupRetention {
  const kept = new Map<string, number>();
  for (const part of value.split(",")) {
    const [, name = "", number = ""] = /^\s*([a-z]+)\s*=\s*(\d{1,5})\s*$/.exec(part) ?? [];
    const known = RETENTION_NAMES.some((candidate) => candidate === name);
    if (!known || kept.has(name) || Number(number) > MAX_KEPT) throw retentionFault();
    kept.set(name, Number(number));
  }
  const [last = 0, daily = 0, weekly = 0, monthly = 0] = RETENTION_NAMES.map((name) => kept.get(name) ?? 0);
  if (last + daily + weekly + monthly === 0) throw retentionFault();
  return { last, daily, weekly, monthly };
}

function retentionFault(): Error {
  return new Error(
    `must name how many to keep, each of ${RETENTION_NAMES.join(", ")} once at most, 0 to ${MAX_KEPT}, and not all 0: last=7,daily=14,weekly=8,monthly=12`,
  );
}

/** The value is never part of the message: it may hold credentials. */
export function s3Endpoint(value: string): string {
  const url = value.length <= MAX_URL && URL.canParse(value) ? new URL(value) : null;
  const plain =
    url !== null && url.username === "" && url.password === "" && url.search === "" && url.hash === "";
  if (!plain || !["http:", "https:"].includes(url.protocol)) {
    throw new Error(
      "must be an http:// or https:// URL without credentials, such as https://s3.example:9000",
    );
  }
  return url.href.replace(/\/$/, "");
}
