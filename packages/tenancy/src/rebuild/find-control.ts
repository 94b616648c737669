import {
  ArchiveError,
  type BackupStore,
  keyName,
  type OpenArchive,
  openArchive,
  StoreError,
  type StoreName,
} from "@tenantry/archive";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";

/**
 * Opens an archive of a store that nothing is on record of, or not yet. With a `BACKUP_KEY` it has to be signed by it: whoever
 * can only write to the store may not have an installation rebuilt as he likes.
 *
 * @throws ArchiveError, StoreError
 */
export async function openUnrecorded(
  store: BackupStore,
  backupKey: Buffer | null,
  name: StoreName,
): Promise<OpenArchive> {
  const wrappedKey = await store.get(keyName(name)).catch((error: unknown) => {
    if (error instanceof StoreError && error.kind === "not-found") return null;
    throw error;
  });
  const archive = await openArchive({ read: () => store.read(name) }, { wrappedKey, backupKey });
  if (backupKey !== null && !archive.signed) throw new ArchiveError("not-signed", "it isn't signed");
  return archive;
}

export interface FoundControl {
  readonly name: StoreName;
  readonly archive: OpenArchive;
}

/**
 * The newest backup of control data that a store has and that is whole.
 *
 * @throws TenancyError BACKUP_NOT_FOUND when there is none; ArchiveError when the newest one can't be read here, though it may
 * be whole; StoreError.
 */
export async function findControl(ctx: TenancyContext, store: BackupStore): Promise<FoundControl> {
  const names: StoreName[] = [];
  for await (const { name } of store.list("control/")) if (name.endsWith(".tar")) names.push(name);
  // Names begin with the second that they were taken at.
  for (const name of names.sort().reverse()) {
    try {
      const archive = await openUnrecorded(store, ctx.backups.key, name);
      if (archive.header.kind === "control") return { name, archive };
    } catch (error) {
      if (!(error instanceof ArchiveError)) throw error;
      // Whoever mends it has to know which.
      if (error.kind !== "corrupt")
        throw new ArchiveError(error.kind, `${name}: ${error.message}`, { cause: error });
      ctx.log.warn({ err: error, name }, "a backup of control data is damaged; the one before is used");
    }
  }
  throw new TenancyError(
    "BACKUP_NOT_FOUND",
    names.length === 0
      ? "The store holds no backup of control data."
      : "None of the store's backups of control data is whole.",
    { hint: "See that --from is what BACKUP_URL was." },
  );
}
