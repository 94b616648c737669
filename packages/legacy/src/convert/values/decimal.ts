import { type Decimal, formatDecimal, parseDecimal, roundDecimal, wholeDigits } from "./decimal-text.ts";
import { type Converter, changed, EMPTY, type Reading, type Refused, refused, wrongKind } from "./value.ts";

/** Decimal digits that a double always holds (DBL_DIG): a decimal of no more of them is what was meant. */
const MEANT_DIGITS = 15;
/** Noise is told by zeros: to ten decimals or thirteen digits, the number ends with at least two of them. */
const NOISE_DECIMALS = 10;
const NOISE_DIGITS = 13;
const SHORT_DECIMALS = 8;
const SHORT_DIGITS = 11;
/** From it on thirteen digits are fewer than ten decimals. */
const THOUSAND = 1000;
const SHORT_LIMIT = 10 ** SHORT_DIGITS;
const MONEY_DECIMALS = 6;
const MONEY_UNIT = 10 ** MONEY_DECIMALS;
/** Noise of sums and differences of amounts up to some ten thousands. */
const NOISE = 5e-12;
/** Of a number, four to eight units in its double's last place: what a few additions and multiplications lose. */
const FEW_ULPS = 2 ** -50;
/** So close that it has more than fifteen digits, or is the number itself. */
const TWO_ULPS = 2 ** -51;
/** Beyond it a few units in the last place are no longer below a millionth, and nothing is taken away that fits. */
const NOISE_LIMIT = 2 ** 30;
/** Nobody's money or quantity tells less apart, see the ERP's `MONEY`: nine true decimals must survive. */
const NEGLIGIBLE = 1e-9;

const NOT_EXACT = refused("not-exact", "The number has more decimals than the column keeps.");
const TOO_LARGE = refused("out-of-range", "The number is larger than the column holds.");
const NO_NUMBER = refused("out-of-range", "Infinity, or not a number, is no amount.");
/** What programs write for values that are no numbers. */
export const NO_FINITE_NUMBER = /^\s*[+-]?(?:nan|inf(?:inity)?)\s*$/i;

/**
 * `numeric(precision, scale)`, printed with all its decimals.
 *
 * Text and integers are exact: they fit or they don't. A double is read as the shortest decimal that is this double:
 *
 * 1. of at most 15 digits and no more decimals than the column keeps, it is what was meant, to the digit (6.3765);
 * 2. next to a number of at most 11 digits and 8 decimals, closer than 5e-12 or some four units in the last place, and
 *    than 1e-9 of itself, it is that number with noise on it (0.30000000000000004, 42000.30000000001, 3.6400000000001 as
 *    change of 50): sums and differences of some hundred amounts below a hundred thousand stay within that;
 * 3. else it is kept as it is where it fits (33333.333333333336);
 * 4. else it is rounded to the column's decimals where this loses less than 1e-9, or less than some four units in the last
 *    place, and either less than 1e-9 of the number itself or only of a number that nobody wrote, since it fills the
 *    double (9.083333333333334 hours; 5.5e-17, left over by 0.1 + 0.2 - 0.3);
 * 5. else it is refused: `not-exact`.
 */
export function decimalConverter(precision: number, scale: number): Converter {
  const zeros = Array.from({ length: scale + 1 }, (_, count) => "0".repeat(count));
  const whole = scale === 0 ? "" : `.${zeros[scale]}`;
  const most = precision - scale;
  const limit = Number(`1e${most}`);
  const simple = Math.min(limit, 1e15);

  const fit = (value: Decimal): string | Refused =>
    wholeDigits(value) > most ? TOO_LARGE : formatDecimal(value, scale);

  const readExact = (value: Decimal): string | Refused => {
    if (value.digits !== "" && wholeDigits(value) > most) return TOO_LARGE;
    return value.decimals > scale ? NOT_EXACT : fit(value);
  };

  const withoutNoise = (value: Decimal): Reading => {
    const text = fit(value);
    return typeof text === "string" ? changed(text, "noise-removed") : text;
  };

  const readDoubtful = (x: number): Reading => {
    const exact = decimalOf(String(x));
    const size = Math.abs(x);
    if (size >= limit) return TOO_LARGE;
    if (exact.digits.length <= MEANT_DIGITS && exact.decimals <= scale) return fit(exact);
    const few = size * FEW_ULPS;
    const short = decimalOf(size < THOUSAND ? x.toFixed(NOISE_DECIMALS) : x.toPrecision(NOISE_DIGITS));
    if (
      size < NOISE_LIMIT &&
      short.digits.length <= SHORT_DIGITS &&
      short.decimals <= Math.min(SHORT_DECIMALS, scale) &&
      Math.abs(x - toDouble(short)) <= Math.min(Math.max(NOISE, few), size * NEGLIGIBLE)
    ) {
      return withoutNoise(short);
    }
    if (exact.decimals <= scale) return fit(exact);
    const rounded = roundDecimal(exact, scale);
    const loss = Math.abs(x - toDouble(rounded));
    const unwritten = exact.digits.length >= MEANT_DIGITS;
    if (loss <= Math.max(NEGLIGIBLE, few) && (loss <= size * NEGLIGIBLE || unwritten)) {
      return withoutNoise(rounded);
    }
    return NOT_EXACT;
  };

  /**
   * Rules 1 and 2 for what has at most six decimals, as nearly all amounts have, without asking for the double's shortest
   * text, which is what costs most. Null where they don't say.
   */
  const readMoney = (x: number, size: number): Reading | null => {
    if (scale < MONEY_DECIMALS || size >= NOISE_LIMIT) return null;
    // Dividing two integers that doubles hold gives the double next to the decimal: the one that prints as it.
    const units = Math.round(size * MONEY_UNIT);
    const near = units / MONEY_UNIT;
    if (near >= limit) return null;
    const apart = Math.abs(size - near);
    if (apart > size * TWO_ULPS) return null;
    if (apart !== 0 && withoutZeros(units) >= SHORT_LIMIT) return null;
    const whole = Math.floor(near);
    const decimals = `${units - whole * MONEY_UNIT + MONEY_UNIT}`.slice(1);
    const text = `${x < 0 ? "-" : ""}${whole}.${decimals}${zeros[scale - MONEY_DECIMALS]}`;
    return apart === 0 ? text : changed(text, "noise-removed");
  };

  const readDouble = (x: number): Reading => {
    const size = Math.abs(x);
    if (size < simple) {
      // Adding zero turns -0 into 0.
      if (Number.isInteger(x)) return `${x + 0}${whole}`;
      // Below it a double prints with an exponent.
      if (size >= 1e-6) {
        const money = readMoney(x, size);
        if (money !== null) return money;
        const text = `${x}`;
        const missing = scale - (text.length - 1 - text.indexOf("."));
        // Sixteen characters with the point in them are at most fifteen digits.
        if (text.length <= 16 && missing >= 0) return text + zeros[missing];
      }
    }
    return Number.isFinite(x) ? readDoubtful(x) : NO_NUMBER;
  };

  return (value) => {
    if (typeof value === "number") return readDouble(value);
    if (typeof value === "bigint") {
      const text = `${value}`;
      return text.length - (value < 0n ? 1 : 0) > most && value !== 0n ? TOO_LARGE : text + whole;
    }
    if (typeof value !== "string") return wrongKind(value, "a number");
    if (value.trim() === "") return EMPTY;
    const parsed = parseDecimal(value);
    if (parsed === null) return NO_FINITE_NUMBER.test(value) ? NO_NUMBER : wrongKind(value, "a number");
    const text = readExact(parsed);
    return typeof text === "string" ? changed(text, "text-to-number") : text;
  };
}

function withoutZeros(units: number): number {
  let rest = units;
  while (rest >= SHORT_LIMIT && rest % 10 === 0) rest /= 10;
  return rest;
}

function decimalOf(text: string): Decimal {
  const decimal = parseDecimal(text);
  if (decimal === null) throw new TypeError("a finite double prints as a decimal number");
  return decimal;
}

function toDouble({ negative, digits, decimals }: Decimal): number {
  return Number(`${negative ? "-" : ""}${digits || "0"}e${-decimals}`);
}
