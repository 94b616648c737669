import { describe, expect, it } from "vitest";
import { type RetainedBackup, type RetentionPolicy, retire } from "./retention.ts";

const now = new Date("2026-11-23T02:00:00Z");
const none: RetentionPolicy = { last: 0, daily: 0, weekly: 0, monthly: 0 };

function at(time: string, good = true): RetainedBackup {
  return { id: time, takenAt: new Date(time), good };
}

function kept(backups: readonly RetainedBackup[], policy: Partial<RetentionPolicy>): string[] {
  const gone = new Set(retire(backups, { ...none, ...policy }, now));
  return backups.map(({ id }) => id).filter((id) => !gone.has(id));
}

describe("retention", () => {
  it("keeps the newest good one whatever the policy says", () => {
    expect(kept([at("2020-01-01T00:00Z"), at("2020-01-02T00:00Z")], {})).toEqual(["2020-01-02T00:00Z"]);
  });

  it("keeps the last ones, in whatever order they are given", () => {
    const all = [at("2026-11-20T01:00Z"), at("2026-11-22T01:00Z"), at("2026-11-21T01:00Z")];
    expect(kept(all, { last: 2 })).toEqual(["2026-11-22T01:00Z", "2026-11-21T01:00Z"]);
  });

  it("keeps the newest of each day, by UTC", () => {
    const all = [at("2026-11-20T00:00Z"), at("2026-11-20T23:59:59Z"), at("2026-11-21T00:00Z")];
    expect(kept(all, { daily: 2 })).toEqual(["2026-11-20T23:59:59Z", "2026-11-21T00:00Z"]);
  });

  it("begins weeks on Mondays, also over the turn of a year", () => {
    const all = [at("2025-12-28T12:00Z"), at("2025-12-29T12:00Z"), at("2026-01-04T12:00Z")];
    expect(kept(all, { weekly: 2 })).toEqual(["2025-12-28T12:00Z", "2026-01-04T12:00Z"]);
  });

  it("keeps the newest of each month, and tells the same months of two years apart", () => {
    const all = [at("2025-11-30T12:00Z"), at("2026-11-01T12:00Z"), at("2026-11-02T12:00Z")];
    expect(kept(all, { monthly: 2 })).toEqual(["2025-11-30T12:00Z", "2026-11-02T12:00Z"]);
  });

  it("counts days that have a backup, so a pause removes nothing", () => {
    const all = [at("2026-01-01T01:00Z"), at("2026-01-02T01:00Z")];
    expect(kept(all, { daily: 2 })).toEqual(all.map(({ id }) => id));
  });

  it("lets no bad one take a good one's place", () => {
    const all = [at("2026-11-20T01:00Z"), at("2026-11-21T01:00Z", false), at("2026-11-22T01:00Z", false)];
    expect(kept(all, { last: 1, daily: 1 })).toContain("2026-11-20T01:00Z");
  });

  it("removes bad ones as soon as a newer good one exists, and not before", () => {
    const old = at("2026-11-20T01:00Z", false);
    const young = at("2026-11-22T01:00Z", false);
    expect(kept([old, at("2026-11-21T01:00Z"), young], { last: 9 })).toEqual([
      "2026-11-21T01:00Z",
      "2026-11-22T01:00Z",
    ]);
    expect(kept([old, young], {})).toEqual([old.id, young.id]);
  });

  it("neither removes nor counts what a jumped clock dated into the future", () => {
    const all = [at("2026-11-22T01:00Z"), at("2031-01-01T00:00Z"), at("2031-01-02T00:00Z")];
    expect(kept(all, { last: 1 })).toEqual(all.map(({ id }) => id));
  });

  it("never removes the newest good one, for any backups and any policy", () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    for (let round = 0; round < 2_000; round += 1) {
      const all = Array.from({ length: random(30) }, (_, index) => ({
        id: `${index}`,
        takenAt: new Date(now.getTime() - random(40) * 43_200_000),
        good: random(3) > 0,
      }));
      const policy = { last: random(4), daily: random(4), weekly: random(4), monthly: random(4) };
      const gone = new Set(retire(all, policy, now));
      const good = all.filter((backup) => backup.good);
      const newest = Math.max(...good.map(({ takenAt }) => takenAt.getTime()));
      const left = good.filter(({ id }) => !gone.has(id));
      if (good.length > 0) expect(left.some(({ takenAt }) => takenAt.getTime() === newest)).toBe(true);
      expect(left.length).toBeGreaterThanOrEqual(Math.min(policy.last, good.length));
      const rest = all.filter(({ id }) => !gone.has(id));
      expect(retire(rest, policy, now)).toEqual([]);
    }
  });
});
