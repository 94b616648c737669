import { TenancyError } from "./errors.ts";

/**
 * What was read is used again for so long at most, even if nobody says that it has changed: notifications stop without a
 * word when a pooler stands between or a firewall drops the idle connection, and a tenant's users change in its own
 * schema. Half of what is promised, so that a request let in at the last moment has time to finish. Milliseconds.
 */
const MAX_AGE_MS = 500;
/** What took longer to read than this says too little of the present. Milliseconds. */
const MAX_READING_MS = 1_000;
/** Readings kept in memory: a few kilobytes each. */
const MAX_ENTRIES = 10_000;

/** Something read, and when: `performance.now()` from before the database was asked. */
export interface Reading<T> {
  readonly value: T;
  readonly asOf: number;
  /** Whose it is, for `forget`. */
  readonly licenseId: string;
}

interface UnderWay {
  readonly promise: Promise<Reading<unknown> | null>;
  readonly since: number;
  readonly era: number;
}

/** Readings that many ask for at once: made once, used for half a second, dropped at a word. */
export class FreshReadings {
  /** Tells whether changes are announced at present; while they aren't, nothing is used twice. */
  readonly #isAnnounced: () => boolean;
  readonly #kept = new Map<string, Reading<unknown>>();
  readonly #namesOf = new Map<string, Set<string>>();
  readonly #underWay = new Map<string, UnderWay>();
  /** Counts what we were told: a reading that began before the last of it may be older than that. */
  #era = 0;

  constructor(isAnnounced: () => boolean) {
    this.#isAnnounced = isAnnounced;
  }

  get size(): number {
    return this.#kept.size;
  }

  /**
   * The value of that name; null when `read` finds none, which isn't kept.
   *
   * @throws TenancyError UNAVAILABLE when reading takes too long to be believed; what `read` throws.
   */
  async get<T>(name: string, read: () => Promise<Reading<T> | null>): Promise<T | null> {
    const kept = this.#kept.get(name);
    if (kept !== undefined && this.#isAnnounced() && isWithin(kept.asOf, MAX_AGE_MS)) return kept.value as T;
    const reading = await this.#read(name, read).promise;
    if (reading === null) return null;
    if (isWithin(reading.asOf, MAX_READING_MS)) return reading.value as T;
    throw new TenancyError("UNAVAILABLE", "PostgreSQL is too slow to tell how the license stands.", {
      retryable: true,
      retryAfterSeconds: 2,
    });
  }

  /** Drops what is kept of a license, and lets nobody share a reading that has begun. */
  forget(licenseId: string): void {
    this.#era += 1;
    for (const name of this.#namesOf.get(licenseId) ?? []) this.#drop(name);
  }

  forgetAll(): void {
    this.#era += 1;
    this.#kept.clear();
    this.#namesOf.clear();
  }

  #read(name: string, read: () => Promise<Reading<unknown> | null>): UnderWay {
    const shared = this.#underWay.get(name);
    if (shared !== undefined && shared.era === this.#era && isWithin(shared.since, MAX_AGE_MS)) return shared;
    const started: UnderWay = { since: performance.now(), era: this.#era, promise: read() };
    this.#underWay.set(name, started);
    const settle = (reading: Reading<unknown> | null): void => {
      if (this.#underWay.get(name) === started) this.#underWay.delete(name);
      if (reading !== null && started.era === this.#era) this.#keep(name, reading);
    };
    started.promise.then(settle, () => settle(null));
    return started;
  }

  #keep(name: string, reading: Reading<unknown>): void {
    this.#drop(name);
    this.#kept.set(name, reading);
    const names = this.#namesOf.get(reading.licenseId) ?? new Set();
    this.#namesOf.set(reading.licenseId, names.add(name));
    if (this.#kept.size <= MAX_ENTRIES) return;
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined) this.#drop(oldest);
  }

  #drop(name: string): void {
    const reading = this.#kept.get(name);
    if (reading === undefined) return;
    this.#kept.delete(name);
    const names = this.#namesOf.get(reading.licenseId);
    names?.delete(name);
    if (names?.size === 0) this.#namesOf.delete(reading.licenseId);
  }
}

function isWithin(since: number, milliseconds: number): boolean {
  return performance.now() - since < milliseconds;
}
