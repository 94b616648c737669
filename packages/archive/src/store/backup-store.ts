import type { Readable } from "node:stream";
import { StoreError } from "./store-error.ts";
import { type StoreName, storeName } from "./store-name.ts";

/** Something whole that lies in a store. */
export interface StoredFile {
  readonly name: StoreName;
  readonly bytes: number;
  readonly modifiedAt: Date;
}

/**
 * Where backups are kept. What is in it can be seen by its name only when it is whole, whatever happens to who writes it.
 * Everything throws `StoreError`, and nothing else but what a `fill` throws.
 */
export interface BackupStore {
  /** As `BACKUP_URL`; holds no secret. */
  readonly url: string;
  /**
   * Writes what `fill` gives, in its order, and resolves when it is safe under that name. Something of that name is
   * replaced at once, and by nothing less than the whole. A chunk that was given away must not be changed afterwards.
   *
   * When it throws (what `fill` has thrown, or a `StoreError`) there is nothing new under the name, with one exception that
   * no store is spared: the answer to its last step got lost, and then there may be the whole. A failure of the store makes
   * `write` throw too, so that a `fill` ends by itself.
   */
  write(name: StoreName, fill: (write: (chunk: Buffer) => Promise<void>) => Promise<void>): Promise<void>;
  /** The same, for what is small. */
  put(name: StoreName, content: Buffer): Promise<void>;
  /** A stream that must be read or destroyed. @throws StoreError not-found, here and not in the stream. */
  read(name: StoreName): Promise<Readable>;
  /** All of it, for what is small: at most 1 MB. */
  get(name: StoreName): Promise<Buffer>;
  /**
   * What lies in a folder, in no certain order: `tenants/`, one of `tenantFolder`, `control/`, `erased/`, or all for "".
   * What isn't of this system isn't listed. The names of one folder, or a page of 1,000, are held in memory.
   */
  list(folder: string): AsyncIterable<StoredFile>;
  /** Resolves when it is gone, also when it was not there. */
  remove(name: StoreName): Promise<void>;
  /**
   * Removes what writers have left that were killed, as far as it was begun before that time; returns how many. No write may
   * take longer than that is ago: it would lose what it wrote.
   */
  removeLeftovers(olderThan: Date): Promise<number>;
  close(): Promise<void>;
}

const FOLDER = /^(?:tenants\/(?:[^/]+\/)?|control\/|erased\/|)$/;
const PLACE = /^[0-9A-Za-z~-]*$/;

/** Names come checked, but a cast or a row of a database that somebody has changed can get around the type. */
export function checkedName(name: StoreName): StoreName {
  const checked = storeName(name);
  if (checked === null) throw new StoreError("invalid", "That is no name of a backup.");
  return checked;
}

/** Checks what `list` is given. */
export function checkedFolder(folder: string): string {
  if (!FOLDER.test(folder) || !folder.split("/").every((part) => PLACE.test(part))) {
    throw new StoreError("invalid", "That is no folder of backups.");
  }
  return folder;
}
