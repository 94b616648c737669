import { describe, expect, it } from "vitest";
import { spread } from "./choose-sample.ts";

const drawn = (name: string, ...sizes: number[]) =>
  sizes.map((bytes, place) => ({ name: `${name}${place}`, bytes }));
const names = (chosen: readonly { name: string }[]): string[] => chosen.map(({ name }) => name);

describe("a sample", () => {
  it("has the largest of each version first, then the largest of all, then some by lot", () => {
    const versions = [drawn("a", 1, 9, 3, 4), drawn("b", 2, 8), drawn("c", 5)];
    expect(names(spread(versions, 5))).toEqual(["a1", "b1", "c0", "a3", "a0"]);
    expect(names(spread(versions, 2))).toEqual(["a1", "b1"]);
    expect(spread(versions, 50)).toHaveLength(7);
    expect(spread([], 5)).toEqual([]);
  });
});
