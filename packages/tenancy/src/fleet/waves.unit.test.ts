import { describe, expect, it } from "vitest";
import { amountOf, budgetOf, parseAmount, waveSizes } from "./waves.ts";

describe("the waves of a fleet migration", () => {
  it.each([
    [0, 5, 4, []],
    [3, 5, 4, [3]],
    [30, 1, 4, [1, 4, 16, 9]],
    [26, 1, 1, Array(26).fill(1)],
    [100, 0, 4, [1, 4, 16, 64, 15]],
    [10_000, 10, 4, [10, 40, 160, 640, 2560, 6590]],
  ])("of %i tenants, %i first, times %i, are %j", (total, canary, growth, sizes) => {
    expect(waveSizes(total, canary, growth)).toEqual(sizes);
  });

  it("read amounts as people write them", () => {
    expect(["3", "0", "5%", "100%", "101%", "-1", "5.5%", "x", "", "%"].map(parseAmount)).toEqual([
      3,
      0,
      "5%",
      "100%",
      null,
      null,
      null,
      null,
      null,
      null,
    ]);
    expect([amountOf("5%", 39), amountOf("5%", 40), amountOf(7, 3)]).toEqual([1, 2, 7]);
  });

  it("have a budget that a share makes grow with them, and a number doesn't", () => {
    const waves = [10, 40, 160];
    expect([0, 1, 2].map((wave) => budgetOf("5%", waves, wave))).toEqual([0, 2, 10]);
    expect([0, 1, 2].map((wave) => budgetOf(3, waves, wave))).toEqual([3, 3, 3]);
  });
});
