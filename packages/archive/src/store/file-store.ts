import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, lstat, open, readdir, rename, rmdir, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Readable } from "node:stream";
import { type BackupStore, checkedFolder, checkedName, type StoredFile } from "./backup-store.ts";
import { errorCode, fileFault, ofFiles } from "./file-fault.ts";
import { enterFolder, makeFolder, syncFolder } from "./file-folders.ts";
import { atOnce, smallContent } from "./small-content.ts";
import { StoreError } from "./store-error.ts";
import { type StoreName, storeName } from "./store-name.ts";

const PARTIAL = /^(.+)\.partial-[0-9a-f]{16}$/;
const READ_BYTES = 256 * 1024;
/** Never through a link, and not waiting for a pipe's other end. Windows has neither. */
const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
/** Another's `remove` may take the empty folder away between making it and using it. */
const OPEN_ATTEMPTS = 5;

/** A store in a folder. `root` is absolute; it is made at the first write. */
export function fileStore(url: string, root: string): BackupStore {
  const write: BackupStore["write"] = async (name, fill) => {
    const { file, folder, partial } = await openPartial(root, checkedName(name));
    try {
      await fillFile(file, fill);
      await ofFiles(rename(partial, join(folder, basename(name))));
    } catch (error) {
      await unlink(partial).catch(() => undefined);
      throw error;
    }
    await ofFiles(syncFolder(folder));
  };
  const read: BackupStore["read"] = async (name) => {
    const file = await openStored(root, checkedName(name));
    const stream = Readable.from(chunksOf(file), { objectMode: false });
    stream.once("close", () => void file.close().catch(() => undefined));
    return stream;
  };
  return {
    url,
    write,
    put: (name, content) => write(name, atOnce(content)),
    read,
    get: async (name) => smallContent(await read(name)),
    list: (folder) => listFiles(root, folder),
    remove: async (name) => remove(root, checkedName(name)),
    removeLeftovers: (olderThan) => removePartials(root, olderThan),
    close: async () => undefined,
  };
}

interface Partial {
  readonly file: FileHandle;
  readonly folder: string;
  readonly partial: string;
}

async function openPartial(root: string, name: StoreName): Promise<Partial> {
  for (let attempt = 1; ; attempt += 1) {
    const folder = await makeFolder(root, dirname(name));
    const partial = join(folder, `${basename(name)}.partial-${randomBytes(8).toString("hex")}`);
    try {
      return { file: await open(partial, "wx", 0o600), folder, partial };
    } catch (error) {
      if (errorCode(error) !== "ENOENT" || attempt === OPEN_ATTEMPTS) throw fileFault(error);
    }
  }
}

/** Closes the file in any case. */
async function fillFile(file: FileHandle, fill: Parameters<BackupStore["write"]>[1]): Promise<void> {
  let fault: StoreError | undefined;
  try {
    await fill(async (chunk) => {
      if (fault !== undefined) throw fault;
      try {
        await file.writeFile(chunk);
      } catch (error) {
        fault = fileFault(error);
        throw fault;
      }
    });
    // One that takes no notice of it hasn't written less.
    if (fault !== undefined) throw fault;
    await ofFiles(file.sync());
  } catch (error) {
    await file.close().catch(() => undefined);
    throw fault ?? error;
  }
  await ofFiles(file.close());
}

async function openStored(root: string, name: StoreName): Promise<FileHandle> {
  const folder = await enterFolder(root, dirname(name));
  if (folder === null) throw notFound(name);
  let file: FileHandle;
  try {
    file = await open(join(folder, basename(name)), READ_FLAGS);
  } catch (error) {
    throw errorCode(error) === "ENOENT" ? notFound(name) : fileFault(error);
  }
  if ((await ofFiles(file.stat())).isFile()) return file;
  await file.close();
  throw new StoreError("invalid", "Something that is no file stands where the backup store has one.");
}

function notFound(name: StoreName): StoreError {
  return new StoreError("not-found", `${name} isn't in the backup store.`);
}

async function* chunksOf(file: FileHandle): AsyncGenerator<Buffer> {
  for (;;) {
    const { bytesRead, buffer } = await ofFiles(file.read(Buffer.allocUnsafe(READ_BYTES)));
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

async function* listFiles(root: string, folder: string): AsyncGenerator<StoredFile> {
  for await (const place of foldersIn(root, checkedFolder(folder))) {
    for (const file of await filesIn(root, place)) {
      const name = storeName(place + file);
      if (name === null) continue;
      const stat = await statOf(join(root, name));
      if (stat?.isFile()) yield { name, bytes: stat.size, modifiedAt: stat.mtime };
    }
  }
}

async function removePartials(root: string, olderThan: Date): Promise<number> {
  // Nothing was ever written.
  if ((await statOf(root)) === null) return 0;
  let removed = 0;
  for await (const place of foldersIn(root, "")) {
    for (const file of await filesIn(root, place)) {
      const whole = PARTIAL.exec(file)?.[1];
      if (whole === undefined || storeName(place + whole) === null) continue;
      const stat = await statOf(join(root, place, file));
      if (stat === null || stat.mtime >= olderThan) continue;
      await ofFiles(unlink(join(root, place, file)));
      removed += 1;
    }
  }
  return removed;
}

/** The folders that hold files. */
async function* foldersIn(root: string, folder: string): AsyncGenerator<string> {
  if (folder === "") yield* ["control/", "erased/"];
  if (folder !== "" && folder !== "tenants/") {
    yield folder;
    return;
  }
  for (const owner of await namesIn(root, "tenants/", "folders")) yield `tenants/${owner}/`;
}

function filesIn(root: string, folder: string): Promise<string[]> {
  return namesIn(root, folder, "files");
}

async function namesIn(root: string, folder: string, what: "files" | "folders"): Promise<string[]> {
  const path = await enterFolder(root, folder);
  if (path === null) return [];
  const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return [];
    throw fileFault(error);
  });
  const wanted = entries.filter((entry) => (what === "files" ? entry.isFile() : entry.isDirectory()));
  return wanted.map(({ name }) => name);
}

async function remove(root: string, name: StoreName): Promise<void> {
  const folder = await enterFolder(root, dirname(name));
  if (folder === null) return;
  try {
    await unlink(join(folder, basename(name)));
    await syncFolder(folder);
  } catch (error) {
    // Another has removed it, or the folder with it.
    if (errorCode(error) === "ENOENT") return;
    throw fileFault(error);
  }
  // What is left of a deleted license would be walked through at every listing.
  if (name.startsWith("tenants/")) await rmdir(folder).catch(() => undefined);
}

async function statOf(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw fileFault(error);
  }
}
