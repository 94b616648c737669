import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

/** Processes that one has started and that are still there. */
export function childProcesses(pid: number): number[] {
  const children = `/proc/${pid}/task/${pid}/children`;
  if (existsSync(children)) return readFileSync(children, "utf8").split(" ").filter(Boolean).map(Number);
  const table = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" });
  const rows = table.split("\n").map((line) => line.trim().split(/\s+/).map(Number));
  return rows.flatMap(([child = 0, parent]) => (parent === pid ? [child] : []));
}
