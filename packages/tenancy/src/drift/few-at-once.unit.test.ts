import { describe, expect, it } from "vitest";
import { fewAtOnce } from "./few-at-once.ts";

async function* numbers(state: { given: number; ended: boolean }, upTo = Number.POSITIVE_INFINITY) {
  try {
    while (state.given < upTo) yield state.given++;
  } finally {
    state.ended = true;
  }
}

describe("few at once", () => {
  it("works on so many at a time and gives each result once", async () => {
    const state = { given: 0, ended: false };
    let [running, most] = [0, 0];
    const results: number[] = [];
    const work = async (n: number): Promise<number> => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running--;
      return n * 2;
    };
    for await (const result of fewAtOnce(numbers(state, 10), 3, work)) results.push(result);
    expect(results.sort((a, b) => a - b)).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
    expect(most).toBe(3);
  });

  it("asks for no more when nobody reads on", async () => {
    const state = { given: 0, ended: false };
    for await (const result of fewAtOnce(numbers(state), 3, async (n) => n)) if (result >= 2) break;
    expect(state).toEqual({ given: expect.any(Number), ended: true });
    expect(state.given).toBeLessThan(10);
  });

  it("throws what the work throws", async () => {
    const state = { given: 0, ended: false };
    const results = fewAtOnce(numbers(state), 3, async (n) => {
      if (n === 4) throw new Error("four");
      return n;
    });
    const read = async (): Promise<void> => {
      for await (const _ of results);
    };
    await expect(read()).rejects.toThrow("four");
    expect(state.ended).toBe(true);
  });
});
