import { closest } from "./closest.ts";
import { WrongUse } from "./wrong-use.ts";

/**
 * An option's value that has to be one of a few.
 *
 * @throws WrongUse
 */
export function oneOf<T extends string>(
  option: string,
  value: string | undefined,
  allowed: readonly T[],
): T | undefined {
  if (value === undefined) return undefined;
  const found = allowed.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  const near = closest(value, allowed);
  throw new WrongUse(
    `--${option} ${JSON.stringify(value)} is not known.`,
    `${near === undefined ? "" : `Did you mean ${near}? `}One of: ${allowed.join(", ")}.`,
  );
}
