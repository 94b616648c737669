import { CronExpressionParser } from "cron-parser";

/** A moment that a schedule came due at, and what it is to begin with. */
export interface DueMoment {
  readonly dueAt: Date;
  /** Until it comes due again. Milliseconds. */
  readonly periodMs: number;
}

/** The last moment up to now that a cron expression names, in UTC. Null for one that names none. */
export function lastDue(pattern: string, now: Date): DueMoment | null {
  try {
    // `prev` is strictly before, and the moment itself is due already.
    const before = new Date(now.getTime() + 1);
    const dueAt = CronExpressionParser.parse(pattern, { tz: "UTC", currentDate: before }).prev().toDate();
    const next = CronExpressionParser.parse(pattern, { tz: "UTC", currentDate: dueAt }).next().toDate();
    return { dueAt, periodMs: next.getTime() - dueAt.getTime() };
  } catch {
    return null;
  }
}

const PART_OF_PERIOD = 4;
const LONGEST_MS = 4 * 3_600_000;
const EACH_MS = 30_000;

/**
 * How long the beginnings of a scheduled run's backups are spread over, so that they aren't felt: a quarter of the period,
 * four hours at most, and no longer than half a minute for each. Milliseconds.
 */
export function spreadOver(periodMs: number): (backups: number) => number {
  return (backups) => Math.min(periodMs / PART_OF_PERIOD, LONGEST_MS, backups * EACH_MS);
}
