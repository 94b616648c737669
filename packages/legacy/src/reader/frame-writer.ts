import { writevSync } from "node:fs";
import { encodeFrame, type ReaderFrame } from "../protocol.ts";

const STDOUT = 1;
const GATHERED_BYTES = 64 * 1024;
const ALIVE_EVERY_MS = 1000;

/**
 * Writes frames to the parent. Blocks as long as the parent doesn't take them, and so holds up whoever produces them.
 * Small frames are gathered: after the last one `flush` is due.
 */
export class FrameWriter {
  #gathered: Buffer[] = [];
  #bytes = 0;
  #writtenAt = performance.now();

  write(header: ReaderFrame, payload?: Buffer): void {
    for (const part of encodeFrame(header, payload)) {
      this.#gathered.push(part);
      this.#bytes += part.length;
    }
    if (this.#bytes >= GATHERED_BYTES) this.flush();
  }

  /** Tells the parent that work goes on, if it hasn't heard anything for a second. */
  alive(): void {
    if (performance.now() - this.#writtenAt < ALIVE_EVERY_MS) return;
    this.write({ kind: "alive" });
    this.flush();
  }

  /** @throws EPIPE when the parent has gone. */
  flush(): void {
    let parts = this.#gathered;
    this.#gathered = [];
    this.#bytes = 0;
    while (parts.length > 0) parts = rest(parts, writeSome(parts));
    this.#writtenAt = performance.now();
  }
}

function writeSome(parts: readonly Buffer[]): number {
  for (;;) {
    try {
      return writevSync(STDOUT, parts);
    } catch (error) {
      // Some systems hand out a pipe that doesn't wait.
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
      pause();
    }
  }
}

function rest(parts: readonly Buffer[], written: number): Buffer[] {
  let done = written;
  let index = 0;
  while (index < parts.length && done >= (parts[index] as Buffer).length) {
    done -= (parts[index] as Buffer).length;
    index++;
  }
  const [first, ...others] = parts.slice(index);
  return first === undefined ? [] : [first.subarray(done), ...others];
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Waits a moment, the thread with it. */
export function pause(): void {
  Atomics.wait(sleeper, 0, 0, 2);
}
