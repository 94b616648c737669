/** What one unit of bulk work cost, and what it did to a small query beside it. Milliseconds. */
export interface UnitMeasures {
  readonly work: number;
  /** The query's time right before the unit, with this process at rest. */
  readonly quiet: number;
  /** Its time while the unit was at work. */
  readonly disturbed: number;
}

/** A query may take so many times as long as beside a resting worker before bulk work slows down. */
const TOLERATED = 1.5;
/** Differences below this are noise. Milliseconds. */
const NOISE_MS = 0.5;
/** What is felt rests up to so many times as long as it worked: as often as the query was slowed, within these. */
const LONGEST_IN_UNITS = { least: 4, most: 16 } as const;
/** However long a unit took: even the busiest server lets bulk work go on. Milliseconds. */
export const LONGEST_PAUSE_MS = 3_000;

/**
 * The rest before the next unit: doubled when the neighbours felt the last one, shortened by a third when they didn't,
 * which settles near the most work that they don't feel. Milliseconds.
 */
export function nextPause(pause: number, { work, quiet, disturbed }: UnitMeasures): number {
  const felt = disturbed > quiet * TOLERATED + NOISE_MS;
  const { least, most } = LONGEST_IN_UNITS;
  const longest = Math.min(work * Math.min(Math.max(disturbed / quiet, least), most), LONGEST_PAUSE_MS);
  if (felt) return Math.min(Math.max(pause * 2, work / 2), longest);
  const shorter = (pause * 2) / 3;
  return shorter < 1 ? 0 : Math.min(shorter, longest);
}
