import { daysInMonth } from "./civil.ts";

/** The number that the digits of `text` from `start` write; NaN when one of them is no digit. */
export function digitsAt(text: string, start: number, count: number): number {
  let value = 0;
  for (let at = start; at < start + count; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

/** What a date at the beginning of a text is: `YYYY-MM-DD` of a day that there is, in the years 1 to 9999. */
export type DateShape = "date" | "no-such-day" | "no-date";

export function dateShape(text: string): DateShape {
  if (text.charCodeAt(4) !== 0x2d || text.charCodeAt(7) !== 0x2d) return "no-date";
  const year = digitsAt(text, 0, 4);
  const month = digitsAt(text, 5, 2);
  const day = digitsAt(text, 8, 2);
  if (Number.isNaN(year + month + day)) return "no-date";
  if (day <= 28 && day >= 1 && month >= 1 && month <= 12 && year >= 1) return "date";
  return year >= 1 && day >= 1 && day <= daysInMonth(year, month) ? "date" : "no-such-day";
}

/** A time of day as it was written. */
export interface ClockTime {
  /** Of the day. */
  readonly seconds: number;
  /** What follows the point, without zeros at its end. */
  readonly fraction: string;
  readonly completed: boolean;
  readonly whole: boolean;
}

const CLOCK = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,30}))?)?$/;

/** Reads `9:00`, `09:00`, `09:00:00`, `09:00:00.123`; null for what is no time, "no-such-time" for 24:00 and 9:60. */
export function parseClock(text: string): ClockTime | "no-such-time" | null {
  const match = CLOCK.exec(text);
  if (match === null) return null;
  const [, hour = "", minute = "", second, fraction = ""] = match;
  const [hours, minutes, seconds] = [Number(hour), Number(minute), Number(second ?? "0")];
  if (hours > 23 || minutes > 59 || seconds > 59) return "no-such-time";
  return {
    seconds: (hours * 60 + minutes) * 60 + seconds,
    fraction: trimZeros(fraction),
    completed: hour.length === 1,
    whole: fraction === "",
  };
}

/** Digits after a point without the zeros at their end, which PostgreSQL doesn't print. */
export function trimZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === 0x30) end--;
  return digits.slice(0, end);
}

/** `HH:MM:SS` of a number of seconds of a day. */
export function clockText(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return `${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}:${twoDigits(seconds % 60)}`;
}

export function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : `${value}`;
}

/** Decimals of a second that PostgreSQL keeps. */
export const SECOND_DECIMALS = 6;
