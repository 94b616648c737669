import type { Command, CommandOption } from "../command.ts";
import type { RegisteredCommand } from "../command-registry.ts";
import { commandsUnder } from "./find-command.ts";
import { COMMON_OPTIONS } from "./parse-options.ts";

/** The help of the whole program, or of the commands whose names begin with some words. */
export function overviewText(registry: readonly RegisteredCommand[], words: readonly string[] = []): string {
  const shown = commandsUnder(registry, words);
  const names = shown.map((command) => command.path.join(" "));
  return [
    `Usage: tenantry ${words.length === 0 ? "<noun>" : words.join(" ")} <verb> [options]`,
    "",
    ...columns(shown.map((command, index) => [names[index] ?? "", command.summary])),
    "",
    "Every command takes --json and --help. Data goes to stdout, progress to stderr.",
    "Exit codes: 0 done, 1 failed, 2 wrong use, 3 partly done.",
    "",
    words.length === 0
      ? "Example: tenantry license create --client 'Acme Ltd' --admin admin"
      : `Options and examples of one: tenantry ${names[0]} --help`,
    "",
  ].join("\n");
}

/** The help of one command. */
export function commandHelpText(name: string, command: Command): string {
  const positionals = (command.positionals ?? []).map(({ name: word, required, repeated }) => {
    const shown = repeated === true ? `${word}…` : word;
    return required ? ` ${shown}` : ` [${shown}]`;
  });
  const options = Object.entries<CommandOption>({ ...command.options, ...COMMON_OPTIONS });
  return [
    `Usage: tenantry ${name}${positionals.join("")} [options]`,
    "",
    command.description,
    "",
    "Options:",
    ...columns(
      options.map(([option, spec]) => [
        `--${option}${spec.value === undefined ? "" : ` ${spec.value}`}`,
        `${spec.help}${spec.multiple === true ? " (may be repeated)" : ""}${spec.short === undefined ? "" : ` (short: -${spec.short})`}`,
      ]),
    ),
    ...(command.details === undefined ? [] : ["", ...command.details]),
    "",
    command.examples.length === 1 ? "Example:" : "Examples:",
    ...command.examples.map((example) => `  ${example}`),
    "",
  ].join("\n");
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
