import { dateShape, parseClock } from "./clock-text.ts";
import { type Converter, changed, EMPTY, type Reading, refused, wrongKind } from "./value.ts";

export const NO_SUCH_DAY = refused("out-of-range", "The calendar has no such day in the years 1 to 9999.");
const NOT_ONLY_DATE = refused("not-exact", "A time of day, which is lost, where a date is due.");

/** `YYYY-MM-DD`, alone or with midnight behind it. */
export const dateConverter: Converter = (value): Reading => {
  if (typeof value !== "string") return wrongKind(value, "a date");
  if (value.length === 10) {
    const shape = dateShape(value);
    if (shape === "date") return value;
    if (shape === "no-such-day") return NO_SUCH_DAY;
  }
  return readOther(value.trim());
};

function readOther(text: string): Reading {
  if (text === "") return EMPTY;
  const date = text.slice(0, 10);
  const shape = dateShape(date);
  if (shape === "no-date") return wrongKind(text, "a date");
  if (shape === "no-such-day") return NO_SUCH_DAY;
  if (text.length === 10) return text;
  const separator = text.charAt(10);
  const clock = separator === " " || separator === "T" ? parseClock(text.slice(11)) : null;
  if (clock === null || clock === "no-such-time") return wrongKind(text, "a date");
  return clock.seconds === 0 && clock.fraction === "" ? changed(date, "date-only") : NOT_ONLY_DATE;
}
