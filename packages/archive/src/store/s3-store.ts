import { type BackupStore, checkedFolder, checkedName, type StoredFile } from "./backup-store.ts";
import { openS3, type S3 } from "./s3-client.ts";
import { s3Fault } from "./s3-fault.ts";
import { abortUploads } from "./s3-leftovers.ts";
import { readObject } from "./s3-read.ts";
import { writeObject } from "./s3-write.ts";
import { atOnce, smallContent } from "./small-content.ts";
import { type StoreName, storeName } from "./store-name.ts";

export interface S3Address {
  readonly bucket: string;
  /** Empty, or ends in a slash. */
  readonly prefix: string;
  /** Null: Amazon's. */
  readonly endpoint: string | null;
  /** At least 5 MB, which is S3's limit. A file has at most 10,000 times that. */
  readonly partBytes: number;
}

/** A store in a bucket. Opens nothing before it is used. */
export function s3Store(url: string, { bucket, prefix, endpoint, partBytes }: S3Address): BackupStore {
  let opened: Promise<S3> | null = null;
  const s3 = (): Promise<S3> => {
    opened ??= openS3(endpoint);
    return opened;
  };
  const keyOf = (name: StoreName): string => prefix + checkedName(name);
  const write: BackupStore["write"] = async (name, fill) => {
    const key = keyOf(name);
    await writeObject(await s3(), { bucket, key, partBytes }, fill);
  };
  const read: BackupStore["read"] = async (name) => {
    const key = keyOf(name);
    return readObject(await s3(), { name, bucket, key });
  };
  async function* list(folder: string): AsyncGenerator<StoredFile> {
    const start = prefix + checkedFolder(folder);
    const { client, sdk } = await s3();
    const pages = sdk.paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: start });
    for await (const page of faultsOf(pages)) {
      for (const { Key = "", Size = 0, LastModified } of page.Contents ?? []) {
        const name = Key.startsWith(prefix) ? storeName(Key.slice(prefix.length)) : null;
        if (name !== null && LastModified !== undefined)
          yield { name, bytes: Size, modifiedAt: LastModified };
      }
    }
  }
  return {
    url,
    write,
    put: (name, content) => write(name, atOnce(content)),
    read,
    get: async (name) => smallContent(await read(name)),
    list,
    remove: async (name) => {
      const key = keyOf(name);
      const { client, sdk } = await s3();
      await client.send(new sdk.DeleteObjectCommand({ Bucket: bucket, Key: key })).catch(rethrow);
    },
    removeLeftovers: async (olderThan) => abortUploads(await s3(), bucket, prefix, olderThan).catch(rethrow),
    close: async () => {
      (await opened)?.client.destroy();
    },
  };
}

function rethrow(error: unknown): never {
  throw s3Fault(error);
}

async function* faultsOf<T>(pages: AsyncIterable<T>): AsyncGenerator<T> {
  const source = pages[Symbol.asyncIterator]();
  for (;;) {
    const next = await source.next().catch(rethrow);
    if (next.done === true) return;
    yield next.value;
  }
}
