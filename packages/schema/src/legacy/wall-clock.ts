const TIME =
  /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s*(Z|[+-]\d{2}:?\d{2})?)?$/i;
const MINUTE_MS = 60_000;

/**
 * A moment as text: `YYYY-MM-DD`, alone or with a time, with or without a zone of its own. To the millisecond.
 *
 * @param zone IANA name for a time that says none; of an hour that comes twice there, the first is meant
 * @param dayOnly which time of its day a date without one means, as `HH:MM:SS`
 * @returns null for what isn't such a text, or no time of a calendar
 */
export function momentOf(text: string, zone: string, dayOnly = "00:00:00"): Date | null {
  const match = TIME.exec(text.trim());
  if (match === null) return null;
  const [, year = "", month = "", day = "", hour, minute, second = "0", fraction = "", offset] = match;
  const [h, m, s] = hour === undefined ? dayOnly.split(":") : [hour, minute, second];
  const wall = civil([year, month, day, h, m, s].map(Number), Number(fraction.padEnd(3, "0").slice(0, 3)));
  if (wall === null) return null;
  return new Date(offset === undefined ? instantOf(wall, zone) : wall - offsetMs(offset));
}

/** As if it were UTC; null for the 30th of February and the like. */
function civil(parts: readonly number[], milliseconds: number): number | null {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const sameDay = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && year > 0;
  if (!sameDay || hour > 23 || minute > 59 || second > 59) return null;
  date.setUTCHours(hour, minute, second, milliseconds);
  return date.getTime();
}

function offsetMs(offset: string): number {
  if (/^z$/i.test(offset)) return 0;
  const minutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(-2));
  return (offset.startsWith("-") ? -minutes : minutes) * MINUTE_MS;
}

/** Where the clock was put forward, a time that it left out is taken as the clock before would have shown it. */
function instantOf(wall: number, zone: string): number {
  if (zone === "UTC") return wall;
  const before = wall - zoneOffset(wall - 24 * 60 * MINUTE_MS, zone);
  if (before + zoneOffset(before, zone) === wall) return before;
  const after = wall - zoneOffset(wall + 24 * 60 * MINUTE_MS, zone);
  return after + zoneOffset(after, zone) === wall ? after : before;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Making one takes a hundred times as long as using it. */
function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  formats.set(zone, format);
  return format;
}

/** How far a zone's clock is ahead of UTC at a moment, in milliseconds. */
function zoneOffset(moment: number, zone: string): number {
  const whole = Math.floor(moment / 1000) * 1000;
  const parts = formatOf(zone).formatToParts(whole);
  const part = (type: Intl.DateTimeFormatPartTypes): number =>
    Number(parts.find((each) => each.type === type)?.value ?? 0);
  const shown = new Date(0);
  shown.setUTCFullYear(part("year"), part("month") - 1, part("day"));
  shown.setUTCHours(part("hour"), part("minute"), part("second"));
  return shown.getTime() - whole;
}
