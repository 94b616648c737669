import { findCommand, isHelp } from "./arguments/find-command.ts";
import { commandHelpText, overviewText } from "./arguments/help-text.ts";
import { parseOptions } from "./arguments/parse-options.ts";
import { WrongUse } from "./arguments/wrong-use.ts";
import type { CommandContext } from "./command.ts";
import type { RegisteredCommand } from "./command-registry.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";
import { printProblem } from "./output/print-problem.ts";
import type { Terminal } from "./output/terminal.ts";
import { Interrupted, type Shutdown } from "./shutdown.ts";

export interface CliSurroundings {
  readonly registry: readonly RegisteredCommand[];
  readonly terminal: Terminal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly shutdown: Shutdown;
}

/** Runs one command line. Never rejects: what goes wrong is printed, and told by the exit code. */
export async function runCli(args: readonly string[], surroundings: CliSurroundings): Promise<ExitCode> {
  const { terminal, environment } = surroundings;
  // For errors that come before the options are read.
  const json = args.includes("--json");
  try {
    return await dispatch(args, surroundings);
  } catch (error) {
    if (error instanceof Interrupted) {
      terminal.note(error.message);
      return EXIT.failed;
    }
    await printProblem(terminal, error, { json, debug: environment.LOG_LEVEL === "debug" });
    return error instanceof WrongUse ? EXIT.wrongUse : EXIT.failed;
  }
}

async function dispatch(args: readonly string[], surroundings: CliSurroundings): Promise<ExitCode> {
  const { registry, terminal, environment, shutdown } = surroundings;
  if (args.length === 1 && args[0] === "--version") {
    terminal.line((await import("./version.ts")).VERSION);
    return EXIT.done;
  }
  const found = findCommand(registry, args);
  if (found === null) {
    const asked = args.some(isHelp);
    const words = asked ? args.slice(0, args.findIndex(isHelp)) : [];
    const text = overviewText(registry, words);
    if (asked) terminal.data(text);
    else terminal.progress(text);
    return asked ? EXIT.done : EXIT.wrongUse;
  }
  const name = found.command.path.join(" ");
  const command = await found.command.load();
  const parsed = parseOptions(name, command, found.rest);
  if (parsed.help) {
    terminal.data(commandHelpText(name, command));
    return EXIT.done;
  }
  const context: CommandContext = { terminal, environment, shutdown, json: parsed.json };
  return command.run(context, parsed.values, parsed.positionals);
}
