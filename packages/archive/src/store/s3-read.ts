import { Readable } from "node:stream";
import type { S3 } from "./s3-client.ts";
import { isNotFound, s3Fault } from "./s3-fault.ts";
import { StoreError, storeFault } from "./store-error.ts";
import type { StoreName } from "./store-name.ts";

/** In a row, without a byte between them. */
const RESUMES = 5;

export interface S3Object {
  readonly name: StoreName;
  readonly bucket: string;
  readonly key: string;
}

/**
 * Reads an object. What breaks off is taken up where it broke: a load into PostgreSQL takes its time, and the SDK's
 * retries end where the answer begins. Never with another object's bytes.
 */
export async function readObject(s3: S3, object: S3Object): Promise<Readable> {
  const first = await getObject(s3, object, {});
  let body = first.body;
  async function* chunks(): AsyncGenerator<Buffer> {
    let at = 0;
    for (let broken = 0; ; broken += 1) {
      try {
        for await (const chunk of body) {
          at += chunk.length;
          broken = 0;
          yield chunk;
        }
        if (at >= first.bytes) return;
        throw storeFault("away", `it ended after ${at} of ${first.bytes} bytes`);
      } catch (error) {
        // What is wrong with all of it is no matter of the connection.
        if (at >= first.bytes || broken >= RESUMES || first.tag === undefined) throw s3Fault(error);
      }
      const rest = await getObject(s3, object, { Range: `bytes=${at}-`, IfMatch: first.tag });
      body = rest.body;
      if (rest.bytes !== first.bytes - at) throw storeFault("away", "it went on elsewhere than it broke off");
    }
  }
  const stream = Readable.from(chunks(), { objectMode: false });
  stream.once("close", () => body.destroy());
  return stream;
}

interface Answer {
  readonly body: Readable;
  readonly bytes: number;
  readonly tag: string | undefined;
}

async function getObject(
  { client, sdk }: S3,
  { name, bucket, key }: S3Object,
  part: { Range?: string; IfMatch?: string },
): Promise<Answer> {
  try {
    const { Body, ContentLength, ETag } = await client.send(
      new sdk.GetObjectCommand({ Bucket: bucket, Key: key, ...part }),
    );
    if (!(Body instanceof Readable) || ContentLength === undefined) {
      throw storeFault("away", "an answer without content");
    }
    // It may break off while nobody reads; who reads on is told.
    Body.on("error", () => undefined);
    return { body: Body, bytes: ContentLength, tag: ETag };
  } catch (error) {
    if (isNotFound(error)) throw new StoreError("not-found", `${name} isn't in the backup store.`);
    throw s3Fault(error);
  }
}
