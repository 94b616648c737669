import { type ChildProcessByStdio, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { PassThrough, type Readable, type Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { commandRegistry } from "../../apps/cli/src/command-registry.ts";
import { openTerminal } from "../../apps/cli/src/output/terminal.ts";
import { runCli } from "../../apps/cli/src/run-cli.ts";
import { Shutdown, type SignalSource } from "../../apps/cli/src/shutdown.ts";

/** What `npx tenantry` runs. */
export const CLI = fileURLToPath(new URL("../../apps/cli/src/main.ts", import.meta.url));

export interface CommandEnd {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

type Environment = Readonly<Record<string, string>>;

/** Runs one command as `main.ts` does, but in this process: a new one takes longer to load than most commands do to run. */
export async function runCommand(args: readonly string[], environment: Environment): Promise<CommandEnd> {
  const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
  const told = Promise.all([text(streams.stdout), text(streams.stderr)]);
  const signals = Object.assign(new EventEmitter(), {
    exit: (code: number): never => {
      throw new Error(`the command ended its process with ${code}`);
    },
  });
  const code = await runCli(args, {
    registry: commandRegistry,
    terminal: openTerminal(streams as unknown as Pick<NodeJS.Process, "stdout" | "stderr">),
    environment: { NO_COLOR: "1", ...environment },
    shutdown: new Shutdown(signals as unknown as SignalSource, () => undefined),
  });
  for (const stream of Object.values(streams)) stream.end();
  const [stdout, stderr] = await told;
  return { stdout, stderr, code };
}

export type CommandProcess = ChildProcessByStdio<Writable, Readable, Readable>;

/** Starts a command in a process of its own. */
export function startCommand(args: readonly string[], environment: Environment): CommandProcess {
  const { PATH = "", HOME = "" } = process.env;
  return spawn(process.execPath, [CLI, ...args], {
    env: { PATH, HOME, NO_COLOR: "1", ...environment },
    stdio: ["pipe", "pipe", "pipe"],
  });
}

/** Runs a command in a process of its own. @param stdin all that it can read there */
export async function runCommandProcess(
  args: readonly string[],
  environment: Environment,
  stdin = "",
): Promise<CommandEnd> {
  const child = startCommand(args, environment);
  child.stdin.end(stdin);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit"),
  ]);
  return { stdout, stderr, code: code as number };
}
