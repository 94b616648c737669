import { parseArgs } from "node:util";
import type { Command, CommandOptions, CommandPositional } from "../command.ts";
import { closest } from "./closest.ts";
import { WrongUse } from "./wrong-use.ts";

export interface ParsedCommand {
  readonly values: Readonly<Record<string, boolean | string | string[] | undefined>>;
  readonly positionals: readonly string[];
  readonly json: boolean;
  readonly help: boolean;
}

/** Every command has these. */
export const COMMON_OPTIONS = {
  json: { type: "boolean", help: "Print JSON on stdout" },
  help: { type: "boolean", help: "Print this help" },
} as const satisfies CommandOptions;

const SECRET = /pass|secret|token/i;

/**
 * Reads a command's options and positionals.
 *
 * @throws WrongUse naming everything that is wrong with them.
 */
export function parseOptions(
  name: string,
  command: Pick<Command, "options" | "positionals">,
  args: readonly string[],
): ParsedCommand {
  const options = { ...command.options, ...COMMON_OPTIONS };
  const known = Object.keys(options);
  // Tokens first: parseArgs itself stops at the first fault, and guesses at what was meant.
  const { tokens } = parseArgs({
    args: [...args],
    options: toParseArgs(options),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const help = tokens.some(
    (token) => token.kind === "option" && (token.name === "help" || token.rawName === "-h"),
  );
  if (help) return { values: {}, positionals: [], json: false, help };

  const faults: string[] = [];
  const positionals: string[] = [];
  const values: Record<string, boolean | string | string[]> = {};
  let afterUnknown = false;
  for (const token of tokens) {
    // What follows an unknown option was probably meant as its value: one fault is enough.
    if (token.kind === "positional" && !afterUnknown) positionals.push(token.value);
    afterUnknown = false;
    if (token.kind !== "option") continue;
    const option = Object.hasOwn(options, token.name) ? (options as CommandOptions)[token.name] : undefined;
    if (option === undefined) {
      faults.push(unknownOption(token.rawName, known));
      afterUnknown = !token.inlineValue;
    } else if (option.type === "boolean") {
      if (token.value !== undefined) faults.push(`--${token.name} takes no value`);
      values[token.name] = true;
    } else if (token.value === undefined || (!token.inlineValue && token.value.startsWith("--"))) {
      faults.push(`--${token.name} needs a value: --${token.name} ${option.value ?? "VALUE"}`);
    } else if (option.multiple === true) {
      const list = values[token.name];
      values[token.name] = Array.isArray(list) ? [...list, token.value] : [token.value];
    } else {
      if (token.name in values) faults.push(`--${token.name} is given twice`);
      values[token.name] = token.value;
    }
  }
  faults.push(...positionalFaults(command.positionals ?? [], positionals));
  if (faults.length > 0) {
    throw new WrongUse(
      `\`tenantry ${name}\` can't be run like that.`,
      `See \`tenantry ${name} --help\`.`,
      faults,
    );
  }
  return { values, positionals, json: values.json === true, help };
}

function positionalFaults(expected: readonly CommandPositional[], given: readonly string[]): string[] {
  const missing = expected.filter(({ required }, index) => required && given[index] === undefined);
  const surplus = expected.at(-1)?.repeated === true ? [] : given.slice(expected.length);
  return [
    ...missing.map(({ name }) => `${name} is missing`),
    ...surplus.map((text) => `${JSON.stringify(text)} is one argument too many`),
  ];
}

function unknownOption(rawName: string, known: readonly string[]): string {
  if (SECRET.test(rawName)) {
    return `${rawName} is no option: a secret is never an argument, since others can read those`;
  }
  const near = closest(rawName.replace(/^-+/, ""), known);
  return `${rawName} is no option${near === undefined ? "" : `; did you mean --${near}?`}`;
}

function toParseArgs(options: CommandOptions) {
  return Object.fromEntries(
    Object.entries(options).map(([name, { type, multiple, short }]) => [
      name,
      { type, ...(multiple === true ? { multiple } : {}), ...(short === undefined ? {} : { short }) },
    ]),
  );
}
