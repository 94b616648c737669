import type { S3 } from "./s3-client.ts";
import { isNoSuchUpload } from "./s3-fault.ts";
import { storeName } from "./store-name.ts";

/** Aborts uploads of our own that were begun before that time and never ended; returns how many. */
export async function abortUploads(
  { client, sdk }: S3,
  bucket: string,
  prefix: string,
  olderThan: Date,
): Promise<number> {
  let aborted = 0;
  let from: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } | null = {};
  while (from !== null) {
    const page: import("@aws-sdk/client-s3").ListMultipartUploadsCommandOutput = await client.send(
      new sdk.ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, ...from }),
    );
    for (const { Key = "", UploadId, Initiated } of page.Uploads ?? []) {
      const ours = Key.startsWith(prefix) && storeName(Key.slice(prefix.length)) !== null;
      if (!ours || Initiated === undefined || Initiated >= olderThan) continue;
      await client.send(new sdk.AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId })).then(
        () => {
          aborted += 1;
        },
        (error: unknown) => {
          // Its writer has ended it meanwhile.
          if (!isNoSuchUpload(error)) throw error;
        },
      );
    }
    from =
      page.IsTruncated === true
        ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
        : null;
  }
  return aborted;
}
