import { createHash, type Hash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createZstdCompress, createZstdDecompress } from "node:zlib";
import type { RowBlock, TenantDump } from "@tenantry/schema";
import type { LastBackup } from "./deletion.ts";

/** The file can't be written, or isn't what was written. PostgreSQL's own troubles aren't this. */
export class BackupFault extends Error {
  override readonly name = "BackupFault";
}

const PARTIAL = ".partial";
const LINE_FEED = 10;

/** What the names of all files of one operation begin with. A legacy key may hold what a file's name can't. */
function prefixOf(licenseKey: string, operationId: string): string {
  return `${licenseKey.replaceAll(/[^0-9A-Za-z-]/g, "_")}-${operationId}-`;
}

/** The attempt is part of the name, so that a worker that was taken for dead can't put its file over its successor's. */
export function backupName({ licenseKey, operationId, attempt }: DeletionFiles): string {
  return `${prefixOf(licenseKey, operationId)}${attempt}.sql.zst`;
}

/**
 * Writes a dump into a file, compressed, and reads it back. The file has its name only when it is whole, on the disk and
 * found to hold what PostgreSQL sent, row for row.
 *
 * @throws BackupFault, leaving nothing; the driver's error.
 */
export async function writeBackup(directory: string, file: string, dump: TenantDump): Promise<LastBackup> {
  const partial = join(directory, file + PARTIAL);
  try {
    await ofFiles(makeDirectory(directory));
    const sent = await write(partial, dump);
    const sha256 = await verify(partial, dump.blocks, sent);
    const { size } = await ofFiles(stat(partial));
    await ofFiles(rename(partial, join(directory, file)));
    await ofFiles(syncDirectory(directory));
    const rows = dump.blocks.reduce((sum, block) => sum + block.rows, 0);
    return { file, host: hostname(), bytes: size, rows, sha256 };
  } catch (error) {
    await removeFile(directory, file + PARTIAL);
    throw error;
  }
}

/** Files of one deletion. */
export interface DeletionFiles {
  readonly licenseKey: string;
  readonly operationId: string;
  /** The attempt that asks. */
  readonly attempt: number;
}

/**
 * Removes what earlier attempts at the same deletion have left, but for the file that counts. Never a later attempt's: a
 * worker that was taken for dead and wakes up again must not take its successor's backup away. What can't be removed stays.
 */
export async function removeEarlierFiles(
  directory: string,
  { licenseKey, operationId, attempt }: DeletionFiles,
  except: string | null,
): Promise<void> {
  const prefix = prefixOf(licenseKey, operationId);
  const names = await readdir(directory).catch(() => []);
  const earlier = names.filter(
    (name) =>
      name.startsWith(prefix) && name !== except && Number.parseInt(name.slice(prefix.length), 10) < attempt,
  );
  await Promise.all(earlier.map((name) => removeFile(directory, name)));
}

/** Removes a file if that can be done. */
export async function removeFile(directory: string, file: string): Promise<void> {
  await rm(join(directory, file), { force: true }).catch(() => undefined);
}

/** Returns the SHA-256 of the text. */
async function write(path: string, dump: TenantDump): Promise<Buffer> {
  const hash = createHash("sha256");
  let sourceFault: unknown;
  // What goes wrong with the file is thrown into this generator too, at its `yield`: only what reading the dump throws
  // is PostgreSQL's.
  async function* source(): AsyncGenerator<Buffer> {
    const text = dump.text[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await text.next().catch((error: unknown) => {
          sourceFault = error;
          throw error;
        });
        if (next.done === true) return;
        hash.update(next.value);
        yield next.value;
      }
    } finally {
      await text.return?.();
    }
  }
  // `flush`: on the disk before it is closed.
  const file = createWriteStream(path, { flags: "wx", mode: 0o600, flush: true });
  try {
    await pipeline(Readable.from(source(), { objectMode: false }), createZstdCompress(), file);
  } catch (error) {
    throw sourceFault ?? fault(error);
  }
  return hash.digest();
}

/** Returns the SHA-256 of the file, hex. */
async function verify(path: string, blocks: readonly RowBlock[], sent: Buffer): Promise<string> {
  const fileHash = createHash("sha256");
  const textHash = createHash("sha256");
  const counter = new RowCounter(blocks);
  try {
    await pipeline(
      createReadStream(path),
      hashing(fileHash),
      createZstdDecompress(),
      async (text: AsyncIterable<Buffer>) => {
        for await (const chunk of text) {
          textHash.update(chunk);
          counter.see(chunk);
        }
      },
    );
  } catch (error) {
    throw fault(error);
  }
  if (!textHash.digest().equals(sent)) throw new BackupFault("the file doesn't hold what was written");
  const wrong = counter.wrong();
  if (wrong !== undefined) throw new BackupFault(`the file holds another number of rows of ${wrong}`);
  return fileHash.digest("hex");
}

function hashing(hash: Hash) {
  return async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
  };
}

/** Counts the rows of each block in a text that passes by: every row is one line. */
class RowCounter {
  readonly #blocks: readonly RowBlock[];
  readonly #counts: number[];
  #position = 0;
  #current = 0;

  constructor(blocks: readonly RowBlock[]) {
    this.#blocks = blocks;
    this.#counts = blocks.map(() => 0);
  }

  see(chunk: Buffer): void {
    const end = this.#position + chunk.length;
    for (let block = this.#blocks[this.#current]; block !== undefined && block.start < end; ) {
      const from = Math.max(block.start - this.#position, 0);
      const to = Math.min(block.end, end) - this.#position;
      this.#counts[this.#current] = (this.#counts[this.#current] ?? 0) + lines(chunk.subarray(from, to));
      if (block.end > end) break;
      this.#current += 1;
      block = this.#blocks[this.#current];
    }
    this.#position = end;
  }

  /** The first table whose rows aren't all there. */
  wrong(): string | undefined {
    return this.#blocks.find((block, index) => block.rows !== this.#counts[index])?.table;
  }
}

function lines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) count += 1;
  return count;
}

/** Makes a folder, and those above it. `recursive` of Node's own never ends where a file system takes no folders. */
async function makeDirectory(path: string): Promise<void> {
  const make = async (): Promise<unknown> => {
    try {
      await mkdir(path, { mode: 0o700 });
    } catch (error) {
      return error instanceof Error ? Reflect.get(error, "code") : error;
    }
  };
  if ((await make()) !== "ENOENT" || dirname(path) === path) return;
  await makeDirectory(dirname(path));
  // What is wrong now, opening the file will say.
  await make();
}

/** A new name is on the disk when its directory is. */
async function syncDirectory(directory: string): Promise<void> {
  // Windows has no handle to a directory that could be flushed.
  if (process.platform === "win32") return;
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function ofFiles<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw fault(error);
  }
}

/** The operating system's word for it, without the path. */
function fault(error: unknown): BackupFault {
  const code = error instanceof Error ? Reflect.get(error, "code") : undefined;
  return new BackupFault(typeof code === "string" ? code : "unexpected", { cause: error });
}
