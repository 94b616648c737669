import type { DatabaseSync } from "node:sqlite";
import { readOnlyTables } from "./authorizer.ts";
import { checkIntegrity } from "./check.ts";
import { checkLength, openImmutable, readHeader } from "./database-file.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { recoverCopy } from "./recover.ts";
import { type SchemaObjects, schemaObjects } from "./schema-objects.ts";
import { refuseLocked, takeSharedLock } from "./shared-lock.ts";
import { SourceFiles } from "./source-files.ts";
import { primaryCode, RESULT, Trouble } from "./trouble.ts";

/** A file that is open, checked, and of which nothing but ordinary tables can be read. */
export interface OpenSource extends SchemaObjects {
  readonly db: DatabaseSync;
  readonly sha256: string;
  readonly bytes: number;
  /** Whether sizes, times and what lies beside the file still are as they were. */
  looksUntouched(): boolean;
  /** The hash of the file as it is now. */
  hashNow(): string;
  close(): void;
}

/**
 * Opens a file for reading: where it lies, or, when something lies beside it that belongs in it, as a copy.
 *
 * @param path absolute, without links.
 * @param folder private, for copies.
 * @throws Trouble; SQLite's and the file system's errors.
 */
export function openSource(path: string, maxBytes: number, folder: string, writer: FrameWriter): OpenSource {
  const onChunk = (): void => writer.alive();
  const closing: (() => void)[] = [];
  const close = (): void => {
    for (const step of closing.splice(0).reverse()) step();
  };
  try {
    const files = new SourceFiles(path, maxBytes);
    closing.push(() => files.close());
    writer.write({ kind: "opened", bytes: files.bytes });
    writer.flush();
    const place = readablePlace(files, folder, onChunk, closing);
    const db = openImmutable(place.path);
    closing.push(() => db.close());
    if (!place.isCopy && !files.isInPlace()) throw new Trouble("SOURCE_BUSY", "Somebody replaced the file.");
    const objects = schemaObjects(db);
    readOnlyTables(db, objects.tables);
    checkIntegrity(db, objects, onChunk);
    return {
      ...objects,
      db,
      sha256: place.sha256,
      bytes: files.bytes,
      looksUntouched: () => files.looksUntouched(),
      hashNow: () => files.hash(onChunk),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

interface Place {
  readonly path: string;
  readonly sha256: string;
  readonly isCopy: boolean;
}

function readablePlace(
  files: SourceFiles,
  folder: string,
  onChunk: () => void,
  closing: (() => void)[],
): Place {
  const header = readHeader(files.header());
  const isWhole = !files.has("-wal") && !files.has("-journal");
  try {
    refuseLocked(files);
    const lock = header.isWal || !files.isAlone ? null : takeSharedLock(files);
    if (lock !== null) closing.push(() => lock.close());
  } catch (error) {
    // SQLite calls a file damaged that is only cut off.
    if (isWhole && primaryCode(error) === RESULT.corrupt) checkLength(header, files.size);
    throw error;
  }
  if (isWhole) {
    checkLength(header, files.size);
    return { path: files.path, sha256: files.hash(onChunk), isCopy: false };
  }
  const copy = recoverCopy(files, folder, onChunk);
  closing.push(() => copy.remove());
  return { path: copy.path, sha256: copy.sha256, isCopy: true };
}
