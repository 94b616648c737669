import type { ConversionKind } from "@tenantry/schema/legacy";
import { civilFromDays, daysFromCivil } from "./civil.ts";
import {
  clockText,
  dateShape,
  digitsAt,
  parseClock,
  SECOND_DECIMALS,
  trimZeros,
  twoDigits,
} from "./clock-text.ts";
import { NO_SUCH_DAY } from "./date.ts";
import { NO_SUCH_TIME, TOO_FINE } from "./time.ts";
import { isUtc, type LocalToInstant, localToInstant } from "./time-zone.ts";
import { type Converter, changed, EMPTY, type Reading, refused, wrongKind } from "./value.ts";

const DAY = 86_400;
const FIRST = daysFromCivil(1, 1, 1) * DAY;
const END = daysFromCivil(10_000, 1, 1) * DAY;
const OUTSIDE = refused("out-of-range", "The time lies outside the years 1 to 9999.");
const OFFSET = /(Z|[+-]\d{2}(?::?\d{2})?)$/;
/** What PostgreSQL takes as an offset's hours. */
const MOST_OFFSET_HOURS = 15;

/**
 * `timestamptz`, printed in UTC: `2024-07-20 11:05:09.123+00`. Reads `YYYY-MM-DD HH:MM:SS.ffffff` with a blank or `T`,
 * without the fraction or the seconds, and a date alone as its first moment; with `Z` or an offset, or else in `zone`
 * (see `localToInstant` for times that come twice or never).
 *
 * @throws RangeError for a name that is no zone.
 */
export function timestampConverter(zone: string): Converter {
  const utc = isUtc(zone);
  const toInstant = utc ? null : localToInstant(zone);
  return (value) => {
    if (typeof value !== "string") return wrongKind(value, "a time");
    return (utc && readCommon(value)) || readOther(value.trim(), toInstant);
  };
}

/** `YYYY-MM-DD HH:MM:SS.ffffff` in UTC, which most values of most files are; null for anything else. */
function readCommon(text: string): string | null {
  if (text.length !== 26 || text.charCodeAt(10) !== 0x20 || text.charCodeAt(19) !== 0x2e) return null;
  if (text.charCodeAt(13) !== 0x3a || text.charCodeAt(16) !== 0x3a) return null;
  const hour = digitsAt(text, 11, 2);
  const minute = digitsAt(text, 14, 2);
  const second = digitsAt(text, 17, 2);
  const micros = digitsAt(text, 20, 6);
  if (!(hour <= 23 && minute <= 59 && second <= 59 && micros >= 0)) return null;
  if (dateShape(text) !== "date") return null;
  if (micros % 10 !== 0) return `${text}+00`;
  if (micros === 0) return `${text.slice(0, 19)}+00`;
  return `${text.slice(0, 20)}${trimZeros(text.slice(20))}+00`;
}

function readOther(text: string, toInstant: LocalToInstant | null): Reading {
  if (text === "") return EMPTY;
  const shape = dateShape(text);
  if (shape === "no-date") return wrongKind(text, "a time");
  if (shape === "no-such-day") return NO_SUCH_DAY;
  const separator = text.charAt(10);
  if (separator !== "" && separator !== " " && separator !== "T") return wrongKind(text, "a time");
  const rest = text.slice(11);
  const offsetText = OFFSET.exec(rest)?.[1] ?? null;
  const clock =
    text.length === 10
      ? "date-only"
      : parseClock(offsetText === null ? rest : rest.slice(0, -offsetText.length));
  if (clock === null) return wrongKind(text, "a time");
  if (clock === "no-such-time") return NO_SUCH_TIME;
  const kinds: ConversionKind[] = [];
  if (clock === "date-only") kinds.push("date-only");
  else if (clock.completed) kinds.push("time-completed");
  else if (clock.whole) kinds.push("whole-seconds");
  const { seconds, fraction } = clock === "date-only" ? { seconds: 0, fraction: "" } : clock;
  if (fraction.length > SECOND_DECIMALS) return TOO_FINE;
  const local =
    daysFromCivil(digitsAt(text, 0, 4), digitsAt(text, 5, 2), digitsAt(text, 8, 2)) * DAY + seconds;
  let instant = local;
  if (offsetText !== null) {
    const offset = parseOffset(offsetText);
    if (offset === null) return wrongKind(text, "a time");
    instant = local - offset;
  } else if (toInstant !== null) {
    instant = toInstant(local);
    kinds.push("zone-applied");
  }
  if (instant < FIRST || instant >= END) return OUTSIDE;
  const printed = instantText(instant, fraction);
  return kinds.length === 0 ? printed : changed(printed, ...kinds);
}

/** Seconds; null for what is no offset. */
function parseOffset(text: string): number | null {
  if (text === "Z") return 0;
  const hours = digitsAt(text, 1, 2);
  const minutes = text.length === 3 ? 0 : digitsAt(text, text.length - 2, 2);
  if (hours > MOST_OFFSET_HOURS || minutes > 59) return null;
  return (text.startsWith("-") ? -1 : 1) * (hours * 60 + minutes) * 60;
}

function instantText(instant: number, fraction: string): string {
  const days = Math.floor(instant / DAY);
  const { year, month, day } = civilFromDays(days);
  const date = `${String(year).padStart(4, "0")}-${twoDigits(month)}-${twoDigits(day)}`;
  return `${date} ${clockText(instant - days * DAY)}${fraction === "" ? "" : `.${fraction}`}+00`;
}
