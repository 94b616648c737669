import type { RegisteredCommand } from "../command-registry.ts";
import { closest } from "./closest.ts";
import { WrongUse } from "./wrong-use.ts";

export interface FoundCommand {
  readonly command: RegisteredCommand;
  /** The arguments after its name. */
  readonly rest: readonly string[];
}

/**
 * The command that the arguments name; null when they name none, or only a noun, and ask for help.
 *
 * @throws WrongUse for a name that there isn't, or a noun without a verb.
 */
export function findCommand(
  registry: readonly RegisteredCommand[],
  args: readonly string[],
): FoundCommand | null {
  const [noun, verb] = args;
  if (noun === undefined || isHelp(noun)) return null;
  const ofNoun = registry.filter((command) => command.path[0] === noun);
  if (ofNoun.length === 0) {
    const nouns = [...new Set(registry.map((command) => command.path[0] ?? ""))];
    throw new WrongUse(`There is no command ${JSON.stringify(noun)}.`, suggestion("tenantry", noun, nouns));
  }
  const whole = ofNoun.find((command) => command.path.length === 1);
  if (whole !== undefined) return { command: whole, rest: args.slice(1) };
  if (verb !== undefined && isHelp(verb)) return null;
  const verbs = ofNoun.map((command) => command.path[1] ?? "");
  if (verb === undefined || verb.startsWith("-")) {
    throw new WrongUse(`\`tenantry ${noun}\` needs a verb.`, `Say one of: ${verbs.join(", ")}.`);
  }
  const found = ofNoun.find((command) => command.path[1] === verb);
  if (found === undefined) {
    throw new WrongUse(
      `\`tenantry ${noun}\` has no verb ${JSON.stringify(verb)}.`,
      suggestion(`tenantry ${noun}`, verb, verbs),
    );
  }
  return { command: found, rest: args.slice(2) };
}

export function isHelp(argument: string): boolean {
  return argument === "--help" || argument === "-h" || argument === "help";
}

function suggestion(prefix: string, word: string, candidates: readonly string[]): string {
  const near = closest(word, candidates);
  const all = `There are: ${candidates.join(", ")}.`;
  return near === undefined ? all : `Did you mean \`${prefix} ${near}\`? ${all}`;
}
