import { readFile } from "node:fs/promises";

const INTERVAL_MS = 40;

/** Watches what a process and everything that it has started hold together. */
export interface MemoryWatch {
  /** Ends the watch. @returns the most that was seen; null where there is no Linux `/proc` */
  stop(): Promise<Memory | null>;
}

/** Megabytes. */
export interface Memory {
  /** Resident memory, pages that several processes share divided among them: what is taken of the machine. */
  readonly proportionalMb: number;
  /** Resident memory of each, added up: pages that they share (of Node itself, mostly) count as often as they are shared. */
  readonly residentMb: number;
}

/**
 * Looks some 25 times a second at the memory of a process and of all its descendants. What comes and goes between two looks
 * isn't seen.
 */
export function watchMemory(pid: number): MemoryWatch {
  const ended = new AbortController();
  const watching = watch(pid, ended.signal);
  return {
    stop: () => {
      ended.abort();
      return watching;
    },
  };
}

async function watch(pid: number, signal: AbortSignal): Promise<Memory | null> {
  const seen: Memory[] = [];
  for (;;) {
    const isLast = signal.aborted;
    const now = await memoryOf(pid);
    if (now !== null) seen.push(now);
    if (isLast) break;
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
  if (seen.length === 0) return null;
  return {
    proportionalMb: Math.max(...seen.map((each) => each.proportionalMb)),
    residentMb: Math.max(...seen.map((each) => each.residentMb)),
  };
}

/** `Pss` and `Rss` of proc_pid_smaps_rollup(5), of the process and its descendants. */
async function memoryOf(pid: number): Promise<Memory | null> {
  const own = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => null);
  if (own === null) return null;
  // Children of the main thread: Node starts them there.
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  const theirs = await Promise.all(
    children
      .split(" ")
      .filter((each) => each !== "")
      .map((each) => memoryOf(Number(each))),
  );
  const sum = (what: keyof Memory, start: number): number =>
    theirs.reduce<number>((total, each) => total + (each?.[what] ?? 0), start);
  return {
    proportionalMb: sum("proportionalMb", megabytes(own, "Pss")),
    residentMb: sum("residentMb", megabytes(own, "Rss")),
  };
}

function megabytes(rollup: string, what: "Pss" | "Rss"): number {
  return Number(new RegExp(`^${what}:\\s+(\\d+) kB$`, "m").exec(rollup)?.[1] ?? 0) / 1024;
}
