import { daysFromCivil } from "./civil.ts";

const DAY = 86_400;
/** Days of which the offset is kept: 27 years each time, and then anew. */
const KEPT_DAYS = 10_000;
/** 0001-01-02: earlier offsets are those of the beginning, and Intl would count years before Christ. */
const FIRST_SECOND = daysFromCivil(1, 1, 2) * DAY;

/** Seconds since 1970 of a local time that was written without a zone. */
export type LocalToInstant = (localSeconds: number) => number;

/**
 * Reads local times of a zone (IANA name). A time that comes twice, when clocks are set back, is the first of the two; one
 * that never comes, when they are set forward, is read with the offset from before, so that 02:30 is what 03:30 is
 * called: as Python's `fold=0` and JavaScript's Temporal ("compatible") read them.
 *
 * @throws RangeError for a name that is no zone.
 */
export function localToInstant(zone: string): LocalToInstant {
  const offsetAt = zoneOffset(zone);
  const byDay = new Map<number, number | null>();
  const offsetOfDay = (day: number): number | null => {
    const known = byDay.get(day);
    if (known !== undefined) return known;
    const [before, after] = [offsetAt((day - 1) * DAY), offsetAt((day + 2) * DAY)];
    const offset = before === after ? before : null;
    if (byDay.size >= KEPT_DAYS) byDay.clear();
    byDay.set(day, offset);
    return offset;
  };
  return (local) => {
    const offset = offsetOfDay(Math.floor(local / DAY));
    if (offset !== null) return local - offset;
    // Clocks change near this day. The earlier offset that is true at the instant it gives; in a gap none is.
    const before = offsetAt(local - DAY);
    if (offsetAt(local - before) === before) return local - before;
    const after = offsetAt(local + DAY);
    return offsetAt(local - after) === after ? local - after : local - before;
  };
}

/** Seconds to add to UTC at an instant (seconds since 1970). */
function zoneOffset(zone: string): (instant: number) => number {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    calendar: "gregory",
    numberingSystem: "latn",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  return (instant) => {
    const at = Math.max(instant, FIRST_SECOND);
    const parts: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(at * 1000)) parts[type] = Number(value);
    const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts;
    return daysFromCivil(year, month, day) * DAY + (hour * 60 + minute) * 60 + second - at;
  };
}

/** True of the zones whose local times are UTC. */
export function isUtc(zone: string): boolean {
  return /^(?:etc\/)?(?:utc|gmt|zulu|universal|uct|greenwich)$/i.test(zone);
}
