import { readFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";

const ENOUGH_KB = 100_000;
const LONGEST_MS = 240_000;

/** Resolves when the kernel has written out what was left to write, or after four minutes; at once where it doesn't tell. */
export async function untilWritten(): Promise<void> {
  for (const end = Date.now() + LONGEST_MS; Date.now() < end; await wait(1_000)) {
    const text = await readFile("/proc/meminfo", "utf8").catch(() => "");
    const left = [...text.matchAll(/^(?:Dirty|Writeback): +(\d+) kB/gm)];
    if (left.reduce((sum, [, kilobytes]) => sum + Number(kilobytes), 0) < ENOUGH_KB) return;
  }
}
