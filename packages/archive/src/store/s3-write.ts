import { once } from "node:events";
import { PassThrough } from "node:stream";
import type { BackupStore } from "./backup-store.ts";
import type { S3 } from "./s3-client.ts";
import { s3Fault } from "./s3-fault.ts";
import { StoreError } from "./store-error.ts";

/** S3's own limit. */
const MOST_PARTS = 10_000;
/** Parts on their way at once. With what is gathered meanwhile, this many and two more are in memory. */
const PARTS_AT_ONCE = 3;

export interface S3Target {
  readonly bucket: string;
  readonly key: string;
  readonly partBytes: number;
}

/** Writes an object in parts, which are put together at the end; one that has less than a part goes in one request. */
export async function writeObject(
  { client, Upload }: S3,
  { bucket, key, partBytes }: S3Target,
  fill: Parameters<BackupStore["write"]>[1],
): Promise<void> {
  const body = new PassThrough();
  // Who writes learns of it from the upload; when nobody does there is nobody to be told.
  body.on("error", () => undefined);
  const upload = new Upload({
    client,
    params: { Bucket: bucket, Key: key, Body: body },
    partSize: partBytes,
    queueSize: PARTS_AT_ONCE,
  });
  let fault: StoreError | undefined;
  const done = upload.done().then(
    () => undefined,
    (error: unknown) => {
      fault ??= s3Fault(error);
      body.destroy();
      throw fault;
    },
  );
  // Waited for below, after `fill` has ended.
  done.catch(() => undefined);
  let bytes = 0;
  try {
    await fill(async (chunk) => {
      bytes += chunk.length;
      if (bytes > partBytes * MOST_PARTS) {
        fault ??= tooLarge(partBytes);
        body.destroy(fault);
      }
      // An upload that fails destroys the stream, and says only later why.
      if (body.destroyed) await done;
      if (!body.write(chunk)) await Promise.race([once(body, "drain").catch(() => done), done]);
    });
  } catch (error) {
    // Makes the upload fail, which takes back what was sent; a failure of it is the reason for this one.
    const reason = fault ?? error;
    body.destroy(error instanceof Error ? error : new Error("broken off"));
    await done.catch(() => undefined);
    throw reason;
  }
  body.end();
  await done;
}

function tooLarge(partBytes: number): StoreError {
  const gigabytes = Math.floor((partBytes * MOST_PARTS) / 1e9);
  return new StoreError("full", `The backup store takes no file of more than ${gigabytes} GB.`);
}
