import { createHash, type Hash } from "node:crypto";
import { ArchiveError, keyName, type OpenArchive, openArchive } from "@tenantry/archive";
import type { TenancyContext } from "../context.ts";
import type { WrittenArchive } from "./write-archive.ts";

/**
 * Reads an archive again that was just written, from end to end, and compares it with what PostgreSQL sent, row for row.
 *
 * @param onRows told with each part, and waited for; what it throws breaks the reading off.
 * @throws ArchiveError, StoreError.
 */
export async function readBack(
  ctx: TenancyContext,
  written: WrittenArchive,
  onRows: () => Promise<void>,
): Promise<void> {
  const { store, key } = ctx.backups;
  const wrappedKey = written.keyId === null ? null : await store.get(keyName(written.name));
  const archive = await openArchive({ read: () => store.read(written.name) }, { wrappedKey, backupKey: key });
  if (archive.sha256 !== written.sha256 || archive.header.id !== written.archiveId) {
    throw new ArchiveError("corrupt", "it isn't the archive that was written");
  }
  const found = await countRows(archive, onRows);
  const { contents, figures } = written.snapshot;
  for (const [number, { rows, sha256 }] of figures.tables.entries()) {
    const there = found.get(number) ?? NOTHING;
    if (there.rows !== rows || there.hash.copy().digest("hex") !== sha256) {
      throw new ArchiveError("corrupt", `it holds other rows of ${contents.tables[number]?.name}`);
    }
  }
}

interface TableRows {
  rows: number;
  readonly hash: Hash;
}

const NOTHING: TableRows = { rows: 0, hash: createHash("sha256") };
const LINE_FEED = 10;

/** In COPY text every row is one line. */
async function countRows(
  archive: OpenArchive,
  onRows: () => Promise<void>,
): Promise<ReadonlyMap<number, TableRows>> {
  const found = new Map<number, TableRows>();
  for await (const { table, chunk } of archive.rows()) {
    await onRows();
    const there = found.get(table) ?? { rows: 0, hash: createHash("sha256") };
    found.set(table, there);
    there.hash.update(chunk);
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, at + 1)) there.rows += 1;
  }
  return found;
}
