import { readFile } from "node:fs/promises";

const INTERVAL_MS = 50;

/** Watches what a process and everything that it has started hold together. */
export interface MemoryWatch {
  /** Ends the watch. @returns the most that was seen; null where there is no Linux `/proc` */
  stop(): Promise<Memory | null>;
}

/** Megabytes. */
export interface Memory {
  /** Everybody's own pages, and those of files as many as whoever has most of them: they share those of Node itself. */
  readonly togetherMb: number;
  /** Resident memory of each, added up: what they share counts as often as it is shared. */
  readonly residentMb: number;
}

/**
 * Looks 20 times a second at the memory of a process and of all its descendants. What comes and goes between two looks isn't
 * seen.
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
    const pages = await pagesOf(pid);
    if (pages.length > 0) {
      const sum = (what: keyof Pages): number => pages.reduce((total, each) => total + each[what], 0);
      const files = Math.max(...pages.map(({ file }) => file));
      seen.push({ togetherMb: sum("anonymous") + files, residentMb: sum("anonymous") + sum("file") });
    }
    if (isLast) break;
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
  if (seen.length === 0) return null;
  return {
    togetherMb: Math.max(...seen.map((each) => each.togetherMb)),
    residentMb: Math.max(...seen.map((each) => each.residentMb)),
  };
}

/** Megabytes of one process. */
interface Pages {
  readonly anonymous: number;
  readonly file: number;
}

/** `RssAnon` and `RssFile` of proc_pid_status(5), of the process and its descendants. */
async function pagesOf(pid: number): Promise<Pages[]> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => null);
  if (status === null) return [];
  // Children of the main thread: Node starts them there.
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  const theirs = children.split(" ").flatMap((each) => (each === "" ? [] : pagesOf(Number(each))));
  const own = { anonymous: megabytes(status, "RssAnon"), file: megabytes(status, "RssFile") };
  return [own, ...(await Promise.all(theirs)).flat()];
}

function megabytes(status: string, what: "RssAnon" | "RssFile"): number {
  return Number(new RegExp(`^${what}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0) / 1024;
}
