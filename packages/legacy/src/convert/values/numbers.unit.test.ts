import { describe, expect, it } from "vitest";
import { seeded } from "../testing/random.ts";
import { reader } from "../testing/told.ts";
import type { SomeValue } from "./value.ts";

const zeros = "000000000000";

describe("a whole number", () => {
  const read = reader({ kind: "integer", min: "-2147483648", max: "2147483647" });

  it.each<[SomeValue, string]>([
    [0n, "0"],
    [-1n, "-1"],
    [2147483647n, "2147483647"],
    [2147483648n, "!out-of-range"],
    [-2147483648n, "-2147483648"],
    [-2147483649n, "!out-of-range"],
    [2n ** 63n - 1n, "!out-of-range"],
    [12, "12"],
    [-0, "0"],
    [12.5, "!not-exact"],
    [1e300, "!out-of-range"],
    [Number.POSITIVE_INFINITY, "!out-of-range"],
    [Number.NaN, "!out-of-range"],
    ["12", "12 (text-to-number)"],
    [" +12 ", "12 (text-to-number)"],
    ["-007", "-7 (text-to-number)"],
    ["12.000", "12 (text-to-number)"],
    ["1e3", "1000 (text-to-number)"],
    ["12.5", "!not-exact"],
    ["1e-1", "!not-exact"],
    ["99999999999999999999", "!out-of-range"],
    ["1e99999", "!out-of-range"],
    [`${"9".repeat(500_000)}`, "!not-readable"],
    ["", "NULL (empty-to-null)"],
    [" \t\n", "NULL (empty-to-null)"],
    ["NaN", "!out-of-range"],
    ["-Infinity", "!out-of-range"],
    ["inf", "!out-of-range"],
    ["twelve", "!not-readable"],
    ["0x1F", "!not-readable"],
    ["1,000", "!not-readable"],
    ["1_000", "!not-readable"],
    ["12 kg", "!not-readable"],
    ["--1", "!not-readable"],
    ["١٢", "!not-readable"],
    ["１２", "!not-readable"],
    ["1\u00002", "!not-readable"],
    [Uint8Array.of(49, 50), "!not-readable"],
  ])("%o is %s", (value, expected) => {
    expect(read(value)).toBe(expected);
  });

  it("may be as large as int8, where a double would have lost the last digit", () => {
    const big = reader({ kind: "integer", min: "-9223372036854775808", max: "9223372036854775807" });
    expect(big(9223372036854775807n)).toBe("9223372036854775807");
    expect(big("9223372036854775807")).toBe("9223372036854775807 (text-to-number)");
    expect(big("9223372036854775808")).toBe("!out-of-range");
    expect(big(-9223372036854775808n)).toBe("-9223372036854775808");
    expect(big(9007199254740993n)).toBe("9007199254740993");
    expect(big(2 ** 62)).toBe("4611686018427387904");
    expect(big(2 ** 63)).toBe("!out-of-range");
  });

  it("may have any limits", () => {
    const narrow = reader({ kind: "integer", min: "1", max: "5" });
    expect([0n, 1n, 5n, 6n, 5, 6].map(narrow)).toEqual([
      "!out-of-range",
      "1",
      "5",
      "!out-of-range",
      "5",
      "!out-of-range",
    ]);
  });
});

describe("an amount", () => {
  const read = reader({ kind: "decimal", precision: 28, scale: 12 });

  it.each<[SomeValue, string]>([
    [0, `0.${zeros}`],
    [-0, `0.${zeros}`],
    [7n, `7.${zeros}`],
    [-7n, `-7.${zeros}`],
    [2n ** 63n - 1n, "!out-of-range"],
    [9999999999999999n, `9999999999999999.${zeros}`],
    [10000000000000000n, "!out-of-range"],
    [6.3765, "6.376500000000"],
    [149.372559375, "149.372559375000"],
    [0.1 + 0.2, "0.300000000000 (noise-removed)"],
    [-(0.1 + 0.2), "-0.300000000000 (noise-removed)"],
    [42000.30000000001, "42000.300000000000 (noise-removed)"],
    [42.51 * 1.15, "48.886500000000 (noise-removed)"],
    // Change of a note of 50: the difference of two amounts carries the noise of the larger.
    [50 - 46.36, "3.640000000000 (noise-removed)"],
    [3.6400000000001, "3.640000000000 (noise-removed)"],
    [0.03999999999999204, "0.040000000000 (noise-removed)"],
    [4.87749999999869, "4.877500000000 (noise-removed)"],
    [99.9999999999986, "100.000000000000 (noise-removed)"],
    [0.9999999999999999, "1.000000000000 (noise-removed)"],
    // Minutes as hours: no shorter number is near, and what is lost is no amount.
    [9.083333333333334, "9.083333333333 (noise-removed)"],
    [10 / 3, "3.333333333333 (noise-removed)"],
    [2 / 3, "0.666666666667 (noise-removed)"],
    // What is left when amounts cancel each other out.
    [0.1 + 0.2 - 0.3, `0.${zeros} (noise-removed)`],
    [0.3 - 0.1 - 0.2, `0.${zeros} (noise-removed)`],
    [2 ** -37, "0.000000000007 (noise-removed)"],
    // It fits as it is, so not a digit is touched.
    [33333.333333333336, "33333.333333333336"],
    [123.456780000001, "123.456780000001"],
    [1234567890.1234567, "1234567890.123456700000"],
    [99999999999999.98, "99999999999999.980000000000"],
    [0.000000000001, "0.000000000001"],
    [1e-7, "0.000000100000"],
    [1.5e-10, "0.000000000150"],
    // Somebody wrote these, and the column can't hold them.
    [1e-13, "!not-exact"],
    [-1.5e-12, "!not-exact"],
    [5e-324, "!not-exact"],
    [1e15, `1000000000000000.${zeros}`],
    [2 ** 53, `9007199254740992.${zeros}`],
    [9999999999999998, `9999999999999998.${zeros}`],
    [1e16, "!out-of-range"],
    [1e20, "!out-of-range"],
    [-1e300, "!out-of-range"],
    [Number.POSITIVE_INFINITY, "!out-of-range"],
    [Number.NEGATIVE_INFINITY, "!out-of-range"],
    [Number.NaN, "!out-of-range"],
    ["6.3765", "6.376500000000 (text-to-number)"],
    ["-.5", "-0.500000000000 (text-to-number)"],
    ["5.", `5.${zeros} (text-to-number)`],
    ["1e-3", "0.001000000000 (text-to-number)"],
    ["1.50000000000000000000", "1.500000000000 (text-to-number)"],
    ["-0.0", `0.${zeros} (text-to-number)`],
    ["0000000000000000000000012", `12.${zeros} (text-to-number)`],
    // Text has no noise: every digit was written.
    ["0.30000000000000004", "!not-exact"],
    ["1e16", "!out-of-range"],
    ["1e99999", "!out-of-range"],
    ["0e99999", `0.${zeros} (text-to-number)`],
    ["1e999999", "!not-readable"],
    ["1e-99999", "!not-exact"],
    ["", "NULL (empty-to-null)"],
    ["  ", "NULL (empty-to-null)"],
    ["NaN", "!out-of-range"],
    ["+Infinity", "!out-of-range"],
    ["1,234.50", "!not-readable"],
    ["12,5", "!not-readable"],
    ["1500 ₽", "!not-readable"],
    ["١٢٫٥", "!not-readable"],
    [".", "!not-readable"],
    ["e5", "!not-readable"],
    [Uint8Array.of(1), "!not-readable"],
  ])("%o is %s", (value, expected) => {
    expect(read(value)).toBe(expected);
  });

  it("keeps cents in a column of cents, and refuses what would be rounded away", () => {
    const cents = reader({ kind: "decimal", precision: 10, scale: 2 });
    expect(cents(12.34)).toBe("12.34");
    expect(cents(12)).toBe("12.00");
    expect(cents(0.1 + 0.2)).toBe("0.30 (noise-removed)");
    expect(cents(123456.78000000001)).toBe("123456.78 (noise-removed)");
    expect(cents(1.230000000116)).toBe("1.23 (noise-removed)");
    expect(cents(6.3765)).toBe("!not-exact");
    expect(cents(0.125)).toBe("!not-exact");
    expect(cents(10 / 3)).toBe("!not-exact");
    expect(cents("12.345")).toBe("!not-exact");
    expect(cents(99999999.99)).toBe("99999999.99");
    expect(cents(99999999.99999999)).toBe("!out-of-range");
    expect(cents(100000000n)).toBe("!out-of-range");
    const percent = reader({ kind: "decimal", precision: 15, scale: 12 });
    expect(percent(15)).toBe(`15.${zeros}`);
    expect(percent(999.5)).toBe("999.500000000000");
    expect(percent(1000)).toBe("!out-of-range");
    expect(percent(999.9999999999999)).toBe("!out-of-range");
    const whole = reader({ kind: "decimal", precision: 5, scale: 0 });
    expect(whole(12)).toBe("12");
    expect(whole("12.0")).toBe("12 (text-to-number)");
    expect(whole(12.5)).toBe("!not-exact");
    expect(whole(99999)).toBe("99999");
    expect(whole(100000)).toBe("!out-of-range");
  });

  it("is read by the same rules, whether they are looked at one by one or taken the short way", () => {
    const random = seeded(7);
    for (let count = 0; count < 50_000; count++) {
      const base = random.int(-(10 ** random.int(1, 11)), 10 ** random.int(1, 11)) / 10 ** random.int(0, 7);
      const value = random.pick([
        base,
        base * 1.15,
        base + base * 0.1,
        base * (1 + random.int(-8, 8) * 2 ** -52),
      ]);
      const expected = byRules(value, 28, 12);
      if (read(value) !== expected) throw new Error(`${value} is ${read(value)}, and should be ${expected}`);
    }
  });
});

/** The rules as `decimalConverter` tells them, with exact integers: doubles are integers times a power of two. */
function byRules(x: number, precision: number, scale: number): string {
  const shortest = exactly(String(x));
  const fits = (value: Exact): boolean => value.decimals <= scale;
  const write = (value: Exact): string => {
    const units = value.units * 10n ** BigInt(scale - value.decimals);
    const digits = `${units < 0n ? -units : units}`.padStart(scale + 1, "0");
    if (digits.length > precision) return "!out-of-range";
    return `${units < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  };
  if (Number.isInteger(x) || (digitsOf(shortest) <= 15 && fits(shortest))) return write(shortest);
  const cutShort = Math.abs(x) < 1000 ? x.toFixed(10) : x.toPrecision(13);
  const short = exactly(cutShort);
  const near =
    Math.abs(x - Number(cutShort)) <= Math.min(Math.max(5e-12, Math.abs(x) * 2 ** -50), Math.abs(x) * 1e-9);
  if (Math.abs(x) < 2 ** 30 && digitsOf(short) <= 11 && short.decimals <= 8 && fits(short) && near)
    return `${write(short)} (noise-removed)`;
  if (fits(shortest)) return write(shortest);
  const cut = 10n ** BigInt(shortest.decimals - scale);
  const size = shortest.units < 0n ? -shortest.units : shortest.units;
  const rounded = (size + cut / 2n) / cut;
  return `${write({ units: x < 0 ? -rounded : rounded, decimals: scale })} (noise-removed)`;
}

interface Exact {
  readonly units: bigint;
  readonly decimals: number;
}

function exactly(text: string): Exact {
  const [mantissa = "", exponent = "0"] = text.split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  let units = BigInt(whole + fraction);
  let decimals = fraction.length - Number(exponent);
  while (decimals < 0) [units, decimals] = [units * 10n, decimals + 1];
  while (decimals > 0 && units % 10n === 0n) [units, decimals] = [units / 10n, decimals - 1];
  return { units, decimals };
}

function digitsOf({ units }: Exact): number {
  return `${units}`.replace(/^-/, "").replace(/0+$/, "").length;
}

describe("yes or no", () => {
  const read = reader({ kind: "boolean" });

  it.each<[SomeValue, string]>([
    [1n, "true"],
    [0n, "false"],
    [1, "true"],
    [-0, "false"],
    ["1", "true (text-to-number)"],
    ["0", "false (text-to-number)"],
    ["True", "true (text-to-number)"],
    ["FALSE", "false (text-to-number)"],
    [" t ", "true (text-to-number)"],
    ["f", "false (text-to-number)"],
    ["yes", "true (text-to-number)"],
    ["no", "false (text-to-number)"],
    ["", "NULL (empty-to-null)"],
    [" ", "NULL (empty-to-null)"],
    [2n, "!not-readable"],
    [-1n, "!not-readable"],
    [0.5, "!not-readable"],
    ["2", "!not-readable"],
    ["ja", "!not-readable"],
    ["نعم", "!not-readable"],
    ["tr", "!not-readable"],
    ["01", "!not-readable"],
    [Uint8Array.of(1), "!not-readable"],
  ])("%o is %s", (value, expected) => {
    expect(read(value)).toBe(expected);
  });
});
