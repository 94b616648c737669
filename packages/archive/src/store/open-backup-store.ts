import { fileURLToPath } from "node:url";
import type { BackupStore } from "./backup-store.ts";
import { fileStore } from "./file-store.ts";
import { s3Store } from "./s3-store.ts";
import { StoreError } from "./store-error.ts";

export interface BackupStoreOptions {
  /** Of a server other than Amazon's: `https://s3.example:9000`. */
  readonly s3Endpoint?: string | null;
  /** Bytes of a part that is uploaded at once; default 10 MB, so that a backup in S3 may have 104 GB. */
  readonly s3PartBytes?: number;
}

const PART_BYTES = 10 * 1024 * 1024;
/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** What needs no encoding anywhere, and is no `.` or `..`. */
const PREFIX = /^(?:(?!\.{1,2}\/)[\w.-]+\/)*$/;

/**
 * Opens the store that `BACKUP_URL` names: `file:///folder` or `s3://bucket/prefix`. Nothing is asked of it yet.
 *
 * @throws StoreError `invalid`, without repeating the address: it may hold credentials.
 */
export function openBackupStore(url: string, options: BackupStoreOptions = {}): BackupStore {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  const plain = parsed !== null && parsed.username + parsed.password + parsed.search + parsed.hash === "";
  if (plain && parsed.protocol === "file:" && parsed.host === "") return fileStore(url, rootOf(parsed));
  if (plain && parsed.protocol === "s3:") {
    // As it was written: a URL's own path has its `..` resolved, which an object's name never has.
    const [bucket = "", ...path] = url.slice("s3://".length).replace(/\/$/, "").split("/");
    const prefix = path.map((part) => `${part}/`).join("");
    if (BUCKET.test(bucket) && PREFIX.test(prefix)) {
      const endpoint = options.s3Endpoint ?? null;
      return s3Store(url, { bucket, prefix, endpoint, partBytes: options.s3PartBytes ?? PART_BYTES });
    }
  }
  throw new StoreError("invalid", "The address of the backup store is neither file:///… nor s3://….");
}

function rootOf(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new StoreError("invalid", "The address of the backup store is no path of this machine.", {
      cause: error,
    });
  }
}
