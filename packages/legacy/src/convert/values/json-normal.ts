import { decimalUnits, formatDecimal, parseDecimal, wholeDigits } from "./decimal-text.ts";

/** What `jsonb` can't hold although it is JSON; or, for `no-json`, what is none. */
export type JsonFault = "no-json" | "nul" | "surrogate" | "number" | "depth";

/** PostgreSQL's own limit is its stack; files that nest deeper are no program's settings. */
const MOST_DEPTH = 200;
/** Digits of a number that is written out; PostgreSQL's `numeric` has more, but a settings file doesn't. */
const MOST_DIGITS = 1000;

class JsonRefusal extends Error {
  readonly fault: JsonFault;
  constructor(fault: JsonFault) {
    super(fault);
    this.fault = fault;
  }
}

/**
 * A JSON document as PostgreSQL prints it from `jsonb`: members by the length of their names in bytes and then by the
 * bytes, the last of two with the same name, numbers as `numeric` prints them, one blank after `:` and `,`.
 */
export function normalJson(text: string): { readonly text: string } | { readonly fault: JsonFault } {
  try {
    return { text: new Normalizer(text).document() };
  } catch (error) {
    if (error instanceof JsonRefusal) return { fault: error.fault };
    throw error;
  }
}

/** A text as a JSON string in that form. */
export function jsonString(text: string): { readonly text: string } | { readonly fault: JsonFault } {
  if (text.includes("\0")) return { fault: "nul" };
  // JavaScript's escapes are PostgreSQL's: quotes, backslashes and what lies below the blank, U+007F as it is.
  return text.isWellFormed() ? { text: JSON.stringify(text) } : { fault: "surrogate" };
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const BLANKS = /[ \t\n\r]*/y;

class Normalizer {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): string {
    const value = this.#value();
    if (this.#at < this.#text.length) throw new JsonRefusal("no-json");
    return value;
  }

  #value(): string {
    this.#match(BLANKS);
    const first = this.#text.charAt(this.#at);
    let value: string;
    if (first === "{") value = this.#nested(() => this.#object());
    else if (first === "[") value = this.#nested(() => this.#array());
    else if (first === '"') value = this.#quoted(this.#string());
    else value = this.#word("true") ?? this.#word("false") ?? this.#word("null") ?? this.#number();
    this.#match(BLANKS);
    return value;
  }

  #nested(read: () => string): string {
    this.#at++;
    if (++this.#depth > MOST_DEPTH) throw new JsonRefusal("depth");
    const value = read();
    this.#depth--;
    return value;
  }

  #array(): string {
    const items: string[] = [];
    this.#match(BLANKS);
    if (this.#takes("]")) return "[]";
    do items.push(this.#value());
    while (this.#takes(","));
    this.#expect("]");
    return `[${items.join(", ")}]`;
  }

  #object(): string {
    const members = new Map<string, string>();
    this.#match(BLANKS);
    if (this.#takes("}")) return "{}";
    do {
      this.#match(BLANKS);
      const name = this.#string();
      this.#match(BLANKS);
      this.#expect(":");
      members.set(name, this.#value());
    } while (this.#takes(","));
    this.#expect("}");
    const sorted = [...members].map(([name, value]) => ({ bytes: Buffer.from(name), name, value }));
    sorted.sort((a, b) => a.bytes.length - b.bytes.length || a.bytes.compare(b.bytes));
    return `{${sorted.map(({ name, value }) => `${this.#quoted(name)}: ${value}`).join(", ")}}`;
  }

  /** The string's value. */
  #string(): string {
    const start = this.#at;
    if (!this.#takes('"')) throw new JsonRefusal("no-json");
    let end = start;
    do end = this.#text.indexOf('"', end + 1);
    while (end > 0 && this.#isEscaped(end));
    if (end < 0) throw new JsonRefusal("no-json");
    this.#at = end + 1;
    try {
      return JSON.parse(this.#text.slice(start, end + 1)) as string;
    } catch {
      throw new JsonRefusal("no-json");
    }
  }

  #isEscaped(at: number): boolean {
    let backslashes = 0;
    while (this.#text.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes++;
    return backslashes % 2 === 1;
  }

  #quoted(value: string): string {
    const quoted = jsonString(value);
    if ("fault" in quoted) throw new JsonRefusal(quoted.fault);
    return quoted.text;
  }

  #number(): string {
    const literal = this.#match(NUMBER);
    if (literal === null) throw new JsonRefusal("no-json");
    const text = numericText(literal);
    if (text === null) throw new JsonRefusal("number");
    return text;
  }

  #word(word: string): string | null {
    if (!this.#text.startsWith(word, this.#at)) return null;
    this.#at += word.length;
    return word;
  }

  #takes(character: string): boolean {
    if (this.#text.charAt(this.#at) !== character) return false;
    this.#at++;
    return true;
  }

  #expect(character: string): void {
    if (!this.#takes(character)) throw new JsonRefusal("no-json");
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? null;
    this.#at += found?.length ?? 0;
    return found;
  }
}

/** As `numeric` prints it: written out, with as many decimals as were written, less those of the exponent. */
function numericText(literal: string): string | null {
  const value = parseDecimal(literal);
  if (value === null) return null;
  const [mantissa = "", exponent = "0"] = literal.split(/[eE]/);
  const written = (mantissa.split(".")[1] ?? "").length - Number(exponent);
  const scale = Math.max(written, 0);
  if (scale > MOST_DIGITS || wholeDigits(value) > MOST_DIGITS) return null;
  return scale === 0 ? `${decimalUnits(value, 0)}` : formatDecimal(value, scale);
}
