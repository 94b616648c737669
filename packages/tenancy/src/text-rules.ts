import type { Fault } from "./errors.ts";

export interface TextRule {
  /** In code points, as PostgreSQL counts. */
  readonly maxLength: number;
  /** Line breaks and tabs allowed. */
  readonly multiline?: boolean;
  /** At least one character that isn't a blank. */
  readonly required?: boolean;
}

const CONTROL = /\p{Cc}/u;
const CONTROL_BUT_LINES = /[^\P{Cc}\n\r\t]/u;

/** What is wrong with a text; nothing when it can be stored exactly as it is, in any script. */
export function textFaults(pointer: string, text: string, rule: TextRule): Fault[] {
  const faults: Fault[] = [];
  const add = (detail: string): void => void faults.push({ pointer, detail });
  if (!text.isWellFormed()) add("holds half of a surrogate pair, which is no character");
  if ((rule.multiline ? CONTROL_BUT_LINES : CONTROL).test(text)) {
    add(
      rule.multiline
        ? "holds a control character other than line breaks and tabs"
        : "holds a control character",
    );
  }
  if (rule.required && text.trim() === "") add("must not be blank");
  // Code units first: counting the code points of a megabyte is work that a refusal needn't cost.
  if (text.length > rule.maxLength * 2 || [...text].length > rule.maxLength) {
    add(`must have at most ${rule.maxLength} characters`);
  }
  return faults;
}

/** Characters that would move a terminal's cursor or turn a line's direction around. */
const HARMFUL = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** A user's text as it may be written into a log line or a terminal: what can't be seen is spelled out. */
export function printable(text: string): string {
  return text.replace(HARMFUL, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
