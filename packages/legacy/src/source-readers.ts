import { tmpdir } from "node:os";
import { basename, resolve } from "node:path";
import {
  type ImportEvent,
  type ImportPlan,
  type LegacyFolder,
  type OpenImport,
  type SourceDescription,
  SourceError,
} from "@tenantry/schema/legacy";
import { listFolder, readJson } from "./folder.ts";
import type { LegacyRecord, ReaderOrder, ReceivedFrame } from "./protocol.ts";
import { ReaderPool } from "./reader-pool.ts";
import { ReaderLostError, type ReaderProcess, ReaderSlowError } from "./reader-process.ts";
import { realSourceFile, realSourcePath } from "./source-path.ts";

export interface SourceReadersOptions {
  /** Reader processes at most; who needs one more waits. */
  readonly max: number;
  /** How long a reader may be silent, beyond what a file's size explains. Default 60 s. */
  readonly stallMs?: number;
  /** Default 64 GiB, the file and what lies beside it. */
  readonly maxFileBytes?: number;
  /** How long reading one file may take, not counting what the receiver needs. Default six hours. */
  readonly maxSeconds?: number;
  /** How long a reader waits for the next file before it ends. Default 1 s. */
  readonly idleMs?: number;
  /** Where sources are copied to that can't be read where they lie. Default: the system's. */
  readonly temporaryDirectory?: string;
}

export interface ImportSource {
  /** Absolute. */
  readonly root: string;
  /** Relative to the root. */
  readonly file: string;
  /** As it was planned. */
  readonly sha256: string;
  readonly plan: ImportPlan;
  readonly signal?: AbortSignal;
}

/** A silent reader is given so much longer for a large file: one step of SQLite's goes through all of it. */
const SLOWEST_BYTES_PER_MS = 20_000;
/** Reading it takes so much longer than the start of a reader that idle ones needn't hold memory beside it. */
const LARGE_FILE_BYTES = 16 * 2 ** 20;
const TOO_LONG = "Reading the file took longer than it may.";
const MOST_RECORD_BYTES = 256 * 2 ** 20;

/**
 * Reads legacy SQLite files, in processes of their own. One for each process of ours; ends with `close`.
 *
 * What its functions throw: SourceError for anything about the file, READER_LOST among it for a reader that was killed;
 * the reason of an aborted signal; plain errors for faults of our own.
 */
export class SourceReaders {
  readonly #pool: ReaderPool;
  readonly #stallMs: number;
  readonly #maxFileBytes: number;
  readonly #maxMs: number;

  constructor(options: SourceReadersOptions) {
    this.#pool = new ReaderPool(options.max, options.temporaryDirectory ?? tmpdir(), options.idleMs ?? 1_000);
    this.#stallMs = options.stallMs ?? 60_000;
    this.#maxFileBytes = options.maxFileBytes ?? 64 * 2 ** 30;
    this.#maxMs = (options.maxSeconds ?? 6 * 3600) * 1000;
  }

  /**
   * A source's folder, for finding its licenses.
   *
   * @param root absolute. Everything is read under it.
   */
  folder(root: string): LegacyFolder {
    return {
      name: basename(resolve(root)),
      list: (path) => listFolder(root, path),
      json: (path) => readJson(root, path),
      rows: (path, table) => this.#rows(root, path, table),
    };
  }

  /** Opens a file, checks it, and tells what it holds. */
  async describe(root: string, file: string, signal?: AbortSignal): Promise<SourceDescription> {
    let description: SourceDescription | null = null;
    for await (const { header } of this.#answer(root, file, { kind: "describe" }, signal)) {
      if (header.kind === "description") description = header.description;
    }
    if (description === null) throw new Error("the reader described nothing");
    return description;
  }

  /**
   * Prepares the stream of an import. Each call of what is returned reads the file from its beginning; a receiver that is
   * slow holds the reader up, and one that ends the iteration stops it.
   */
  openImport({ root, file, sha256, plan, signal }: ImportSource): OpenImport {
    return (refused) =>
      importEvents(this.#answer(root, file, { kind: "import", sha256, plan, refused }, signal));
  }

  /** Ends every reader, also those at work. */
  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #rows(root: string, file: string, table: string): Promise<readonly LegacyRecord[] | null> {
    let records: LegacyRecord[] | null = null;
    let bytes = 0;
    for await (const { header, headerBytes } of this.#answer(
      root,
      file,
      { kind: "rows", table },
      undefined,
    )) {
      if (header.kind !== "records") continue;
      bytes += headerBytes;
      if (bytes > MOST_RECORD_BYTES) {
        throw new SourceError("SOURCE_INVALID", file, "The table is too large to be held in memory.");
      }
      records ??= [];
      for (const record of header.records) records.push(record);
    }
    return records;
  }

  /** One command to a reader, and what it answers. A reader that wasn't heard to the end is killed. */
  async *#answer(
    root: string,
    file: string,
    order: ReaderOrder,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<ReceivedFrame> {
    const path = await realSourceFile(root, file);
    const realRoot = await realSourcePath(root, "");
    for (let isWhole = false; !isWhole; ) {
      const reader = await this.#pool.take(realRoot, signal);
      const wasIdle = reader.commands > 0;
      let isHeard = false;
      try {
        reader.send({ ...order, file: path, maxFileBytes: this.#maxFileBytes });
        for await (const frame of this.#frames(reader, signal)) {
          const { header } = frame;
          if (header.kind === "failed") throw new SourceError(header.code, file, header.detail);
          if (header.kind === "defect") throw new Error(`the reader failed: ${header.name}\n${header.trace}`);
          isHeard = true;
          yield frame;
        }
        isWhole = true;
      } catch (error) {
        // One that was killed while it waited for work has nothing to do with this file.
        if (!(error instanceof ReaderLostError && wasIdle && !isHeard)) throw sourceErrorOf(error, file);
      } finally {
        await this.#pool.give(reader, isWhole);
      }
    }
  }

  /** The frames of an answer up to its end, as long as they come in time. */
  async *#frames(reader: ReaderProcess, signal: AbortSignal | undefined): AsyncGenerator<ReceivedFrame> {
    let leftMs = this.#maxMs;
    let silenceMs = this.#stallMs;
    for (;;) {
      const since = performance.now();
      const limitMs = Math.min(silenceMs, leftMs);
      const frame = await reader.nextFrame(limitMs, signal).catch((error: unknown) => {
        throw error instanceof ReaderSlowError && limitMs === leftMs ? new ReaderSlowError(TOO_LONG) : error;
      });
      leftMs -= performance.now() - since;
      if (leftMs <= 0) throw new ReaderSlowError(TOO_LONG);
      const { header } = frame;
      if (header.kind === "done") return;
      if (header.kind === "opened") {
        silenceMs += header.bytes / SLOWEST_BYTES_PER_MS;
        if (header.bytes >= LARGE_FILE_BYTES) await this.#pool.endIdle();
      } else if (header.kind !== "alive") yield frame;
    }
  }
}

function sourceErrorOf(error: unknown, file: string): unknown {
  if (error instanceof ReaderLostError) return new SourceError("READER_LOST", file, error.message);
  if (error instanceof ReaderSlowError) return new SourceError("SOURCE_INVALID", file, error.message);
  return error;
}

async function* importEvents(frames: AsyncIterable<ReceivedFrame>): AsyncGenerator<ImportEvent> {
  for await (const { header, payload } of frames) {
    if (header.kind === "event") yield header.event;
    if (header.kind !== "rows") continue;
    const { table, rows, rowIds } = header;
    yield { kind: "rows", table, text: payload, rows, rowIds: rowIds.split(",") };
  }
}
