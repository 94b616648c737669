import { ArchiveError, keyName, type OpenArchive, openArchive } from "@tenantry/archive";
import type { TenancyContext } from "../context.ts";
import type { WrittenArchive } from "./write-archive.ts";

/**
 * An archive that was just written, read again from end to end out of the store.
 *
 * @throws ArchiveError when it isn't what was written; StoreError.
 */
export async function openWritten(ctx: TenancyContext, written: WrittenArchive): Promise<OpenArchive> {
  const { store, key } = ctx.backups;
  const wrappedKey = written.keyId === null ? null : await store.get(keyName(written.name));
  const archive = await openArchive({ read: () => store.read(written.name) }, { wrappedKey, backupKey: key });
  if (archive.sha256 !== written.sha256 || archive.header.id !== written.archiveId) {
    throw new ArchiveError("corrupt", "it isn't the archive that was written");
  }
  return archive;
}
