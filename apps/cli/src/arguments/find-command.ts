import type { RegisteredCommand } from "../command-registry.ts";
import { closest } from "./closest.ts";
import { WrongUse } from "./wrong-use.ts";

export interface FoundCommand {
  readonly command: RegisteredCommand;
  /** The arguments after its name. */
  readonly rest: readonly string[];
}

/**
 * The command that the arguments name; null when they name none, or only its first words, and ask for help.
 *
 * @throws WrongUse for a name that there isn't, or one that is broken off.
 */
export function findCommand(
  registry: readonly RegisteredCommand[],
  args: readonly string[],
): FoundCommand | null {
  const [noun] = args;
  if (noun === undefined || isHelp(noun)) return null;
  let candidates = commandsUnder(registry, [noun]);
  if (candidates.length === 0) {
    throw new WrongUse(
      `There is no command ${JSON.stringify(noun)}.`,
      suggestion("tenantry", noun, wordsAt(registry, 0)),
    );
  }
  for (let depth = 1; ; depth++) {
    const whole = candidates.find(({ path }) => path.length === depth);
    if (whole !== undefined) return { command: whole, rest: args.slice(depth) };
    const word = args[depth];
    if (word !== undefined && isHelp(word)) return null;
    const before = ["tenantry", ...args.slice(0, depth)].join(" ");
    const words = wordsAt(candidates, depth);
    if (word === undefined || word.startsWith("-")) {
      throw new WrongUse(`\`${before}\` needs a verb.`, `Say one of: ${words.join(", ")}.`);
    }
    candidates = commandsUnder(candidates, args.slice(0, depth + 1));
    if (candidates.length === 0) {
      throw new WrongUse(
        `\`${before}\` has no verb ${JSON.stringify(word)}.`,
        suggestion(before, word, words),
      );
    }
  }
}

/** The commands whose names begin with these words. */
export function commandsUnder(
  registry: readonly RegisteredCommand[],
  words: readonly string[],
): readonly RegisteredCommand[] {
  return registry.filter(({ path }) => words.every((word, index) => path[index] === word));
}

function wordsAt(registry: readonly RegisteredCommand[], depth: number): string[] {
  return [...new Set(registry.map(({ path }) => path[depth] ?? ""))];
}

export function isHelp(argument: string): boolean {
  return argument === "--help" || argument === "-h" || argument === "help";
}

function suggestion(prefix: string, word: string, candidates: readonly string[]): string {
  const near = closest(word, candidates);
  const all = `There are: ${candidates.join(", ")}.`;
  return near === undefined ? all : `Did you mean \`${prefix} ${near}\`? ${all}`;
}
