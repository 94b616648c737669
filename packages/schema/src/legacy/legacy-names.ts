import { MAX_IDENTIFIER_BYTES } from "../identifier.ts";

/** Columns that each table of PostgreSQL has of itself. https://www.postgresql.org/docs/current/ddl-system-columns.html */
const SYSTEM_COLUMNS = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/** A name as SQLite compares names: ASCII letters in either case are the same, others are not. */
export function foldName(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Finds what has a name, as SQLite does; one of exactly that name first. */
export function findByName<T extends { readonly name: string }>(
  items: readonly T[],
  name: string,
): T | undefined {
  const folded = foldName(name);
  return items.find((item) => item.name === name) ?? items.find((item) => foldName(item.name) === folded);
}

/** The same for the members of an object. */
export function entryByName<T>(entries: Readonly<Record<string, T>>, name: string): T | undefined {
  const found = findByName(
    Object.keys(entries).map((key) => ({ name: key })),
    name,
  );
  return found === undefined ? undefined : entries[found.name];
}

/** Gives each thing a name that PostgreSQL takes whole and that no other has; a later one of the same name gets a number. */
export class UniqueNames {
  readonly #taken: Set<string>;

  constructor(taken: Iterable<string>) {
    this.#taken = new Set(taken);
  }

  static ofColumns(): UniqueNames {
    return new UniqueNames(SYSTEM_COLUMNS);
  }

  take(wanted: string): string {
    const whole = cut(wanted === "" ? "unnamed" : wanted, MAX_IDENTIFIER_BYTES);
    let name = whole;
    for (let number = 2; this.#taken.has(name); number++) {
      const ending = `_${number}`;
      name = cut(whole, MAX_IDENTIFIER_BYTES - ending.length) + ending;
    }
    this.#taken.add(name);
    return name;
  }
}

/** The beginning of a text that fits into so many bytes of UTF-8, in whole characters. */
function cut(text: string, bytes: number): string {
  let kept = "";
  let used = 0;
  for (const character of text) {
    used += Buffer.byteLength(character);
    if (used > bytes) break;
    kept += character;
  }
  return kept;
}
