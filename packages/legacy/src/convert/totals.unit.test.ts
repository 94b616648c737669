import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { Checksum } from "./checksum.ts";
import { ExactSum } from "./exact-sum.ts";
import { seeded } from "./testing/random.ts";

describe("a sum of amounts", () => {
  it.each([0, 2, 6, 12, 15, 20])(
    "is exact to the digit, with %i decimals and numbers of any size",
    (scale) => {
      const random = seeded(scale);
      const sum = new ExactSum(scale);
      let units = 0n;
      for (let count = 0; count < 20_000; count++) {
        const digits = Array.from({ length: random.int(1, 28) }, () => random.int(0, 9)).join("");
        const value = BigInt(digits) * (random.next() < 0.3 ? -1n : 1n);
        units += value;
        sum.add(written(value, scale));
      }
      expect(sum.text).toBe(written(units, scale));
    },
  );

  it("doesn't lose a unit among many large ones of one sign", () => {
    const sum = new ExactSum(12);
    for (let count = 0; count < 50_000; count++) sum.add("999999999999.999999999999");
    expect(sum.text).toBe("49999999999999999.999999950000");
  });

  it("of nothing is zero, with the scale's decimals", () => {
    expect(new ExactSum(12).text).toBe("0.000000000000");
    expect(new ExactSum(0).text).toBe("0");
  });
});

function written(units: bigint, scale: number): string {
  const digits = `${units < 0n ? -units : units}`.padStart(scale + 1, "0");
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  return units < 0n ? `-${text}` : text;
}

describe("a checksum", () => {
  it("is the sum of the rows' hashes, in any order and for more rows than doubles add exactly", () => {
    const rows = ["a", "b\u001fc", "م", ""];
    const each = rows.map((row) => createHash("sha256").update(row).digest().readBigInt64BE());
    const rounds = 270_000;
    const forwards = new Checksum();
    for (let round = 0; round < rounds; round++) for (const row of rows) forwards.add(row);
    expect(forwards.text).toBe(`${each.reduce((sum, hash) => sum + hash, 0n) * BigInt(rounds)}`);
    const [one, other] = [new Checksum(), new Checksum()];
    for (const row of rows) one.add(row);
    for (const row of rows.toReversed()) other.add(row);
    expect(one.text).toBe(other.text);
    expect(new Checksum().text).toBe("0");
  }, 120_000);
});
