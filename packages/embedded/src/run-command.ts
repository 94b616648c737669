import { spawn } from "node:child_process";

/** Whom a program runs as: undefined ids mean "as ourselves". */
export interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

export interface CommandResult {
  /** Exit code; null when a signal ended the program or it could not be started at all. */
  readonly exitCode: number | null;
  /** Standard output and error, in the order they came. */
  readonly output: string;
}

export interface CommandOptions extends Identity {
  readonly cwd?: string;
}

/**
 * Runs a program to its end and collects what it printed. Never rejects: a program that could not be
 * started has exit code null and the reason as its output.
 */
export function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    let output = "";
    const child = spawn(file, args, {
      ...options,
      env: childEnvironment(),
      stdio: ["ignore", "pipe", "pipe"],
      // In a session of its own, so that Ctrl-C in the terminal can't cut pg_ctl off halfway.
      detached: process.platform !== "win32",
      windowsHide: true,
    });
    const collect = (chunk: string) => {
      output += chunk;
    };
    child.stdout.setEncoding("utf8").on("data", collect);
    child.stderr.setEncoding("utf8").on("data", collect);
    child.on("error", (error) => resolve({ exitCode: null, output: `${output}${error.message}` }));
    child.on("close", (exitCode) => resolve({ exitCode, output: output.trim() }));
  });
}

/**
 * The server lives on after us and may run as somebody else: it gets none of our secrets, and no PG*
 * variable of the caller's shell changes what it does.
 */
function childEnvironment(): NodeJS.ProcessEnv {
  if (process.platform === "win32") {
    const { SystemRoot, SystemDrive, TEMP, TMP, PATH } = process.env;
    return { SystemRoot, SystemDrive, TEMP, TMP, PATH };
  }
  return { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/usr/bin:/sbin:/bin`, LC_ALL: "C", TZ: "UTC" };
}
