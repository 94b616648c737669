import type { ExitCode } from "./exit-code.ts";
import type { Terminal } from "./output/terminal.ts";
import type { Shutdown } from "./shutdown.ts";

export interface CommandOption {
  readonly type: "string" | "boolean";
  /** May be given several times. */
  readonly multiple?: boolean;
  /** One letter that stands for it. */
  readonly short?: string;
  /** What stands for the value in the help: `NAME`. */
  readonly value?: string;
  readonly help: string;
}

export type CommandOptions = Readonly<Record<string, CommandOption>>;

/** The options' values as a command gets them. */
export type OptionValues<O extends CommandOptions> = {
  readonly [K in keyof O]?:
    | (O[K]["type"] extends "boolean" ? boolean : O[K]["multiple"] extends true ? string[] : string)
    | undefined;
};

export interface CommandPositional {
  readonly name: string;
  readonly required: boolean;
  /** Any number of them; only of the last. */
  readonly repeated?: boolean;
}

/** What a command works with besides its arguments. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly shutdown: Shutdown;
  /** `--json` was given: one JSON text on stdout, nothing else there. */
  readonly json: boolean;
}

export interface CommandDefinition<O extends CommandOptions> {
  /** What it does, in a sentence or two; more in `details`. */
  readonly description: string;
  readonly positionals?: readonly CommandPositional[];
  readonly options: O;
  readonly details?: readonly string[];
  /** Whole command lines. */
  readonly examples: readonly string[];
  readonly run: (
    context: CommandContext,
    values: OptionValues<O>,
    positionals: readonly string[],
  ) => Promise<ExitCode>;
}

/** A command whose options' types are forgotten: what the dispatcher sees. */
export interface Command extends Omit<CommandDefinition<CommandOptions>, "run"> {
  readonly run: (
    context: CommandContext,
    values: Readonly<Record<string, boolean | string | string[] | undefined>>,
    positionals: readonly string[],
  ) => Promise<ExitCode>;
}

/** Ties a command's options to the values that its `run` gets. */
export function defineCommand<const O extends CommandOptions>(definition: CommandDefinition<O>): Command {
  return definition as unknown as Command;
}
