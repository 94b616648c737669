import { readFile } from "node:fs/promises";

const INTERVAL_MS = 20;

/** Watches what a process and everything that it has started hold together. */
export interface MemoryWatch {
  /** Ends the watch. @returns the most that was seen, MB of resident memory; null where there is no Linux `/proc` */
  stop(): Promise<number | null>;
}

/**
 * Looks every 20 ms at the resident memory of a process and of all its descendants, shared pages counted in each of them.
 * What comes and goes between two looks isn't seen.
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

async function watch(pid: number, signal: AbortSignal): Promise<number | null> {
  let most: number | null = null;
  for (;;) {
    const isLast = signal.aborted;
    const kilobytes = await residentKb(pid);
    if (kilobytes !== null) most = Math.max(most ?? 0, kilobytes / 1024);
    if (isLast) return most;
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
}

/** `VmRSS` of proc_pid_status(5), of the process and its descendants. */
async function residentKb(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => null);
  const own = status === null ? undefined : /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (own === undefined) return null;
  // Children of the main thread: Node starts them there.
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  const theirs = await Promise.all(
    children
      .split(" ")
      .filter((each) => each !== "")
      .map((each) => residentKb(Number(each))),
  );
  return Number(own) + theirs.reduce<number>((sum, each) => sum + (each ?? 0), 0);
}
