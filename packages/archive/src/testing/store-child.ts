/**
 * A process that uses a store, to be killed or hindered. Says each thing it has done as a message to who has forked it:
 * `written` with the bytes given away so far, then `done` with the most megabytes that it had in buffers, or `failed`.
 */
import { once } from "node:events";
import { openBackupStore } from "../store/open-backup-store.ts";
import { StoreError } from "../store/store-error.ts";
import { storeName } from "../store/store-name.ts";

export interface ChildTask {
  readonly url: string;
  readonly endpoint: string | null;
  readonly partBytes: number;
  readonly work: "write" | "read";
  readonly name: string;
  readonly megabytes: number;
  /** Writes no more and waits to be killed. */
  readonly haltAfter?: number;
  /** Not as root, whoever runs the tests. */
  readonly unprivileged?: boolean;
}

export type ChildMessage =
  | { readonly written: number }
  | { readonly done: true; readonly bytes: number; readonly peakMegabytes: number }
  | { readonly failed: string; readonly message: string };

const MEGABYTE = 1024 * 1024;
const task: ChildTask = JSON.parse(process.argv[2] ?? "");

function say(message: ChildMessage): Promise<void> {
  return new Promise((resolve) => process.send?.(message, () => resolve()));
}

/** Of what is in use: how much garbage waits to be collected is the engine's affair. Run with `--expose-gc`. */
let peak = 0;
let looked = 0;
function look(bytes: number): void {
  if (bytes < looked + 3 * MEGABYTE) return;
  looked = bytes;
  globalThis.gc?.();
  peak = Math.max(peak, process.memoryUsage().arrayBuffers);
}

async function work(): Promise<number> {
  const store = openBackupStore(task.url, { s3Endpoint: task.endpoint, s3PartBytes: task.partBytes });
  const name = storeName(task.name);
  if (name === null) throw new Error("no name");
  if (task.unprivileged === true && process.getuid?.() === 0) process.seteuid?.(65_534);
  let bytes = 0;
  if (task.work === "read") {
    for await (const chunk of await store.read(name)) {
      bytes += chunk.length;
      look(bytes);
    }
  } else {
    await store.write(name, async (write) => {
      for (let done = 0; done < task.megabytes; done += 1) {
        await write(Buffer.alloc(MEGABYTE, done));
        bytes += MEGABYTE;
        look(bytes);
        if (done + 1 !== task.haltAfter) continue;
        await say({ written: bytes });
        await once(process, "message");
      }
    });
  }
  await store.close();
  return bytes;
}

try {
  const bytes = await work();
  await say({ done: true, bytes, peakMegabytes: peak / MEGABYTE });
} catch (error) {
  const failed = error instanceof StoreError ? error.kind : "unexpected";
  await say({ failed, message: String(error) });
}
process.disconnect();
