import { createHash, type Hash } from "node:crypto";
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { HEADER_BYTES } from "./database-file.ts";
import { invalid } from "./trouble.ts";

const CHUNK_BYTES = 2 ** 20;
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** What SQLite keeps beside a database while it is written, or when its writer was cut off. */
const SIDECARS = ["-wal", "-journal"] as const;
type Sidecar = (typeof SIDECARS)[number];

interface OpenFile {
  /** "" for the database itself. */
  readonly suffix: "" | Sidecar;
  readonly fd: number;
  readonly stats: BigIntStats;
}

/**
 * A database and what lies beside it with content, opened once and held open: whatever is hashed, copied and looked at
 * later is the same file. To be closed last: closing any descriptor of a file ends this process's locks on it.
 */
export class SourceFiles {
  readonly path: string;
  readonly bytes: number;
  /** False when something lies beside it, even if that has no content. */
  readonly isAlone: boolean;
  readonly #files: readonly OpenFile[];

  /** @throws Trouble; the file system's error. */
  constructor(path: string, maxBytes: number) {
    this.path = path;
    this.isAlone = SIDECARS.every((suffix) => !isThere(`${path}${suffix}`));
    const files: OpenFile[] = [];
    try {
      files.push(openFile(path, ""));
      for (const suffix of SIDECARS) {
        if (!isThere(`${path}${suffix}`)) continue;
        const file = openFile(path, suffix);
        if (hasContent(file)) files.push(file);
        else closeSync(file.fd);
      }
      this.bytes = files.reduce((sum, { stats }) => sum + Number(stats.size), 0);
      if (this.bytes > maxBytes) {
        throw invalid(`The file is larger than it may be (${this.bytes} bytes of at most ${maxBytes}).`);
      }
    } catch (error) {
      for (const { fd } of files) closeSync(fd);
      throw error;
    }
    this.#files = files;
  }

  /** True of `-wal` or `-journal` with something in it. */
  has(sidecar: Sidecar): boolean {
    return this.#files.some(({ suffix }) => suffix === sidecar);
  }

  /** The database's first bytes; fewer when it is shorter. */
  header(): Buffer {
    return readAt(this.#main, 0, HEADER_BYTES);
  }

  get size(): number {
    return Number(this.#main.stats.size);
  }

  get identity(): { readonly dev: bigint; readonly ino: bigint } {
    return this.#main.stats;
  }

  /** The last bytes of a sidecar. */
  tail(sidecar: Sidecar, count: number): Buffer {
    const file = this.#files.find(({ suffix }) => suffix === sidecar);
    return file === undefined
      ? Buffer.alloc(0)
      : readAt(file, Math.max(0, Number(file.stats.size) - count), count);
  }

  /**
   * SHA-256 in hex over the database and, after it, what lies beside it.
   *
   * @param onChunk called now and then.
   */
  hash(onChunk: () => void): string {
    const hash = createHash("sha256");
    for (const file of this.#files) passOn(file, hash, null, onChunk);
    return hash.digest("hex");
  }

  /** Copies all of it into a folder, as `source.db` and its sidecars; the hash is that of the copies. */
  copyTo(folder: string, onChunk: () => void): { readonly path: string; readonly sha256: string } {
    const hash = createHash("sha256");
    const path = join(folder, "source.db");
    for (const file of this.#files) {
      const copy = openSync(`${path}${file.suffix}`, "wx", 0o600);
      try {
        passOn(file, hash, copy, onChunk);
      } finally {
        closeSync(copy);
      }
    }
    return { path, sha256: hash.digest("hex") };
  }

  /** True as long as nobody has put another file in the place of the database. */
  isInPlace(): boolean {
    const { stats } = this.#main;
    const now = statSync(this.path, { bigint: true, throwIfNoEntry: false });
    return now !== undefined && now.ino === stats.ino && now.dev === stats.dev;
  }

  /** True when neither sizes nor times tell of a write since these files were opened, nor sidecars came or went. */
  looksUntouched(): boolean {
    const isUntouched = this.#files.every(({ fd, stats }) => {
      const now = fstatSync(fd, { bigint: true });
      return now.size === stats.size && now.mtimeNs === stats.mtimeNs && now.ctimeNs === stats.ctimeNs;
    });
    return isUntouched && SIDECARS.every((suffix) => this.has(suffix) === this.#hasNow(suffix));
  }

  close(): void {
    for (const { fd } of this.#files) closeSync(fd);
  }

  #hasNow(suffix: Sidecar): boolean {
    if (!isThere(`${this.path}${suffix}`)) return false;
    const file = openFile(this.path, suffix);
    try {
      return hasContent(file);
    } finally {
      closeSync(file.fd);
    }
  }

  get #main(): OpenFile {
    return this.#files[0] as OpenFile;
  }
}

/** No link is followed, and no pipe waited for. */
function openFile(path: string, suffix: OpenFile["suffix"]): OpenFile {
  const fd = openSync(`${path}${suffix}`, FLAGS);
  const stats = fstatSync(fd, { bigint: true });
  if (stats.isFile()) return { suffix, fd, stats };
  closeSync(fd);
  throw invalid(
    suffix === "" ? "This is not a file." : `What lies beside the file as ${suffix} is not a file.`,
  );
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** A journal whose beginning was overwritten with zeros is done with (`journal_mode=PERSIST`). */
function hasContent(file: OpenFile): boolean {
  if (file.stats.size === 0n) return false;
  return file.suffix !== "-journal" || readAt(file, 0, 1)[0] !== 0;
}

function readAt({ fd }: OpenFile, position: number, count: number): Buffer {
  const bytes = Buffer.alloc(count);
  return bytes.subarray(0, readSync(fd, bytes, 0, count, position));
}

function passOn(file: OpenFile, hash: Hash, copy: number | null, onChunk: () => void): void {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let position = 0;
  for (;;) {
    const read = readSync(file.fd, chunk, 0, chunk.length, position);
    if (read === 0) return;
    const part = chunk.subarray(0, read);
    hash.update(part);
    for (let done = 0; copy !== null && done < read; ) done += writeSync(copy, part, done);
    position += read;
    onChunk();
  }
}
