/** How many backups of a tenant are kept: the newest ones, and the newest of so many days, weeks and months that have one. */
export interface RetentionPolicy {
  readonly last: number;
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
}

export interface RetainedBackup {
  readonly id: string;
  readonly takenAt: Date;
  /** Whole, as far as is known. */
  readonly good: boolean;
}

const DAY_MS = 86_400_000;

/**
 * The ids of one tenant's backups that the policy has no use for. Days, ISO weeks and months are those of UTC.
 *
 * The newest good one always stays. One that isn't good counts for nothing, and stays until a newer good one
 * exists. One from the future (a clock jumped) counts for nothing and stays, so that it can't push real ones out.
 */
export function retire(
  backups: readonly RetainedBackup[],
  policy: RetentionPolicy,
  now: Date,
): readonly string[] {
  const past = backups
    .filter(({ takenAt }) => takenAt <= now)
    .sort((a, b) => b.takenAt.getTime() - a.takenAt.getTime() || (a.id < b.id ? 1 : -1));
  const good = past.filter((backup) => backup.good);
  const newest = good[0];
  if (newest === undefined) return [];
  const kept = new Set([
    newest.id,
    ...newestOfEach(good, policy.last, ({ id }) => id),
    ...newestOfEach(good, policy.daily, ({ takenAt }) => `${day(takenAt)}`),
    ...newestOfEach(good, policy.weekly, ({ takenAt }) => `${week(takenAt)}`),
    ...newestOfEach(good, policy.monthly, ({ takenAt }) => takenAt.toISOString().slice(0, -17)),
  ]);
  return past
    .filter((backup) => !kept.has(backup.id) && (backup.good || backup.takenAt < newest.takenAt))
    .map(({ id }) => id);
}

function newestOfEach(
  newestFirst: readonly RetainedBackup[],
  count: number,
  period: (backup: RetainedBackup) => string,
): string[] {
  const found = new Map<string, string>();
  for (const backup of newestFirst) {
    const of = period(backup);
    if (!found.has(of) && found.size < count) found.set(of, backup.id);
  }
  return [...found.values()];
}

function day(at: Date): number {
  return Math.floor(at.getTime() / DAY_MS);
}

/** Day 0 of the epoch was a Thursday, and ISO weeks begin on Mondays. */
function week(at: Date): number {
  return Math.floor((day(at) + 3) / 7);
}
