import type { Readable } from "node:stream";
import type { BackupStore } from "./backup-store.ts";
import { StoreError } from "./store-error.ts";

const MOST_BYTES = 1024 * 1024;

/** A stream's content, where more than a little of it can't be what was meant. */
export async function smallContent(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MOST_BYTES)
      throw new StoreError("invalid", "A small file of the backup store is a large one.");
  }
  return Buffer.concat(chunks);
}

/** Fills with what is there already. */
export function atOnce(content: Buffer): Parameters<BackupStore["write"]>[1] {
  return (write) => write(content);
}
