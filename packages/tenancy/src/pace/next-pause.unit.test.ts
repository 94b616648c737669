import { expect, it } from "vitest";
import { LONGEST_PAUSE_MS, nextPause } from "./next-pause.ts";

const FELT = { work: 100, quiet: 1, disturbed: 9 };
const UNFELT = { work: 100, quiet: 1, disturbed: 1.2 };

function pausesOf(measures: typeof FELT): number[] {
  const pauses = [0];
  for (let unit = 0; unit < 7; unit++) pauses.push(nextPause(pauses.at(-1) ?? 0, measures));
  return pauses;
}

it("rests longer each time that the neighbours felt the work, up to as often the work as they were slowed", () => {
  expect(pausesOf(FELT)).toEqual([0, 50, 100, 200, 400, 800, 900, 900]);
});

it("may rest four times the work when it was hardly felt, and sixteen times when it was the most", () => {
  expect(pausesOf({ ...FELT, disturbed: 2.1 }).at(-1)).toBe(400);
  expect(pausesOf({ ...FELT, disturbed: 500 }).at(-1)).toBe(1600);
});

it("never rests longer than three seconds", () => {
  expect(nextPause(2_900, { ...FELT, work: 60_000 })).toBe(LONGEST_PAUSE_MS);
});

it("is at full speed again soon after nobody feels it any more", () => {
  let pause = 400;
  let units = 0;
  for (; pause > 0; units++) pause = nextPause(pause, UNFELT);
  expect(units).toBeLessThan(20);
});

it("takes a difference below half a millisecond for noise", () => {
  expect(nextPause(0, { work: 100, quiet: 0.2, disturbed: 0.7 })).toBe(0);
});
