import type { Readable } from "node:stream";
import type { OpenArchive } from "./archive.ts";
import { inspectArchive, type ReadingKeys } from "./inspect-archive.ts";
import { readRows } from "./read-rows.ts";
import { TarReader } from "./tar.ts";

/** Where an archive lies. */
export interface ArchiveFile {
  /** The archive from its beginning, as often as asked. */
  readonly read: () => Promise<Readable>;
}

/**
 * Reads an archive from end to end, and checks: that it is a tar as this format has it, each member's SHA-256, the
 * signature, each part's encryption, and that contents and figures say what they must. Rows aren't decompressed yet:
 * that comes with `rows()`, which reads the file a second time and takes only what the first reading saw.
 *
 * `signed` tells that the holder of `backupKey` wrote it. What isn't signed may be used only if its `sha256` is one that
 * was noted when it was written. `bytes` and `sha256` are those of the stored form, also for an exported archive.
 *
 * @throws ArchiveError; what reading the file throws.
 */
export async function openArchive(file: ArchiveFile, keys: ReadingKeys): Promise<OpenArchive> {
  const reader = new TarReader(await file.read());
  try {
    const { contents: archived, before, after, ...seen } = await inspectArchive(reader, keys);
    const { license, tenant, ...contents } = archived;
    const { header, figures, bytes, sha256, signed } = seen;
    return {
      ...{ header, license, tenant, figures, bytes, sha256, signed },
      contents: { ...contents, before, after },
      rows: () => readRows(file, seen),
    };
  } finally {
    await reader.close();
  }
}
