import { expect, it } from "vitest";
import { LONGEST_PAUSE_MS, nextPause } from "./next-pause.ts";

const FELT = { work: 100, quiet: 1, disturbed: 9 };
const UNFELT = { work: 100, quiet: 1, disturbed: 1.2 };

it("rests longer each time that the neighbours felt the work, up to four times the work", () => {
  const pauses = [0];
  for (let unit = 0; unit < 6; unit++) pauses.push(nextPause(pauses.at(-1) ?? 0, FELT));
  expect(pauses).toEqual([0, 50, 100, 200, 400, 400, 400]);
});

it("never rests longer than a sale may wait", () => {
  expect(nextPause(900, { ...FELT, work: 60_000 })).toBe(LONGEST_PAUSE_MS);
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
