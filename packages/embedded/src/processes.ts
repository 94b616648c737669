import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { errorCode } from "./error-code.ts";
import { runCommand } from "./run-command.ts";

/**
 * A mark that tells this process apart from a later one with the same pid: on Linux its start in clock
 * ticks since boot. Empty where the system has no such thing to read.
 */
export async function processStart(pid: number): Promise<string> {
  return (await readStat(pid))?.start ?? "";
}

/** Whether the process runs. One that has ended and only waits to be reaped does not. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errorCode(error) !== "EPERM") return false;
  }
  const state = (await readStat(pid))?.state;
  return state !== "Z" && state !== "X";
}

/**
 * The process's program, without its directory, and its arguments, with blanks between; undefined where they
 * can't be read (it ended, or the system hides them).
 */
export async function commandLine(pid: number): Promise<string | undefined> {
  if (process.platform === "linux") {
    const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    const [program = "", ...args] = text.split("\0");
    return program === "" ? undefined : [basename(program), ...args].join(" ").trim();
  }
  if (process.platform === "win32") return undefined;
  const { exitCode, output } = await runCommand("ps", [
    "-ww",
    "-o",
    "ucomm=",
    "-o",
    "args=",
    "-p",
    String(pid),
  ]);
  return exitCode === 0 && output !== "" ? output : undefined;
}

async function readStat(pid: number): Promise<{ state: string; start: string } | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  return text === undefined ? undefined : parseProcStat(text);
}

/** Reads state and start time out of `/proc/<pid>/stat`, whose second field may itself hold spaces and `)`. */
export function parseProcStat(text: string): { state: string; start: string } | undefined {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const state = fields[0];
  const start = fields[19];
  return state && start ? { state, start } : undefined;
}
