import { readdir, readFile } from "node:fs/promises";

/** Linux counts in hundredths of a second towards programs, whatever the kernel's own tick is (USER_HZ). */
const TICK_MS = 10;

/**
 * CPU time that a process and its children have used so far, those that have ended included. Milliseconds; null where
 * there is no Linux `/proc`.
 */
export async function cpuTimeMs(pid: number): Promise<number | null> {
  const own = await readStat(pid);
  if (own === null) return null;
  let ticks = own.used + own.endedChildren;
  for (const entry of await readdir("/proc")) {
    const other = /^\d+$/.test(entry) ? await readStat(Number(entry)) : null;
    if (other?.parent === pid) ticks += other.used;
  }
  return ticks * TICK_MS;
}

interface Stat {
  readonly parent: number;
  readonly used: number;
  readonly endedChildren: number;
}

/** See proc_pid_stat(5). The name comes second, in parentheses, and may hold anything; what is wanted stands after it. */
async function readStat(pid: number): Promise<Stat | null> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  if (text === null) return null;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const field = (numberInManual: number): number => Number(fields[numberInManual - 3]);
  return { parent: field(4), used: field(14) + field(15), endedChildren: field(16) + field(17) };
}
