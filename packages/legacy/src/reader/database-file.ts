import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { invalid, MOST_VALUE_BYTES } from "./trouble.ts";

const MAGIC = "SQLite format 3\0";
export const HEADER_BYTES = 100;

/** What a database's first page says of it (sqlite.org/fileformat2.html). */
export interface Header {
  readonly isWal: boolean;
  /** Bytes that the file has to have; null where the header doesn't know. */
  readonly fullBytes: number | null;
}

/** @throws Trouble for something that isn't an SQLite database. */
export function readHeader(bytes: Buffer): Header {
  if (bytes.length === 0) throw invalid("The file is empty.");
  if (bytes.toString("latin1", 0, MAGIC.length) !== MAGIC) {
    throw invalid("The file is no SQLite database, or it is encrypted.");
  }
  if (bytes.length < HEADER_BYTES) throw invalid("The file is cut off within its first bytes.");
  const pageSize = bytes.readUInt16BE(16);
  const pages = bytes.readUInt32BE(28);
  // Set by SQLite 3.7.0 and later; earlier ones leave both numbers apart.
  const isKnown = pages > 0 && bytes.readUInt32BE(24) === bytes.readUInt32BE(92);
  return {
    isWal: bytes[18] === 2 || bytes[19] === 2,
    fullBytes: isKnown ? pages * (pageSize === 1 ? 65_536 : pageSize) : null,
  };
}

/** @throws Trouble for a file that ends too early. */
export function checkLength({ fullBytes }: Header, bytes: number): void {
  if (fullBytes !== null && bytes < fullBytes) {
    throw invalid(`The file is cut off: ${bytes} of ${fullBytes} bytes are there.`);
  }
}

/** Every connection gets these first; see sqlite.org/security.html. */
const CAUTION = `
  PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;
  PRAGMA ignore_check_constraints = ON; PRAGMA recursive_triggers = OFF`;

/** SQLite's page cache, in KiB: large enough for the upper pages of a large tree, small beside the memory limit. */
const CACHE_KIB = 16_384;

const COMMON = {
  allowExtension: false,
  defensive: true,
  enableForeignKeyConstraints: false,
  limits: { attach: 0, length: MOST_VALUE_BYTES, triggerDepth: 1 },
} as const;

/** Opens a file that nobody changes, for reading alone: nothing is made beside it, no lock is asked for. */
export function openImmutable(path: string): DatabaseSync {
  const db = new DatabaseSync(uri(path, { mode: "ro", immutable: "1" }), { ...COMMON, readOnly: true });
  db.exec(`${CAUTION}; PRAGMA query_only = ON; PRAGMA cache_size = -${CACHE_KIB}`);
  return db;
}

/** Opens a file for reading alone, as one that others may write. */
export function openShared(path: string, waitMs: number): DatabaseSync {
  const db = new DatabaseSync(uri(path, { mode: "ro" }), { ...COMMON, readOnly: true, timeout: waitMs });
  db.exec(`${CAUTION}; PRAGMA query_only = ON`);
  return db;
}

/** Opens a copy of ours, to have SQLite finish or undo what its writer has begun. */
export function openCopy(path: string): DatabaseSync {
  const db = new DatabaseSync(uri(path, { mode: "rw" }), COMMON);
  db.exec(`${CAUTION}; PRAGMA synchronous = OFF`);
  return db;
}

function uri(path: string, parameters: Readonly<Record<string, string>>): string {
  const url = pathToFileURL(path);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}
