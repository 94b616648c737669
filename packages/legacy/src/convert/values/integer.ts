import { NO_FINITE_NUMBER } from "./decimal.ts";
import { decimalUnits, parseDecimal, wholeDigits } from "./decimal-text.ts";
import { type Converter, changed, EMPTY, type Reading, refused, wrongKind } from "./value.ts";

const OUT_OF_RANGE = refused("out-of-range", "The number is outside what the column holds.");
const NOT_WHOLE = refused("not-exact", "A number with decimals where a whole one is due.");
const NO_NUMBER = refused("out-of-range", "Infinity, or not a number, is no whole number.");
/** No integer type of PostgreSQL's has more; BigInts of longer text would cost time by the square of it. */
const MOST_DIGITS = 19;

/** Whole numbers from `min` to `max`, both decimal text. Reals and text are taken where they are whole. */
export function integerConverter(min: string, max: string): Converter {
  const least = BigInt(min);
  const most = BigInt(max);
  const readBig = (value: bigint): Reading => (value < least || value > most ? OUT_OF_RANGE : `${value}`);
  const readOther = (value: string | number | Uint8Array): Reading => {
    if (typeof value === "number") {
      if (!Number.isFinite(value)) return NO_NUMBER;
      return Number.isInteger(value) ? readBig(BigInt(value)) : NOT_WHOLE;
    }
    if (typeof value !== "string") return wrongKind(value, "a whole number");
    if (value.trim() === "") return EMPTY;
    const parsed = parseDecimal(value);
    if (parsed === null) return NO_FINITE_NUMBER.test(value) ? NO_NUMBER : wrongKind(value, "a whole number");
    if (parsed.decimals > 0) return NOT_WHOLE;
    if (wholeDigits(parsed) > MOST_DIGITS) return OUT_OF_RANGE;
    const text = readBig(decimalUnits(parsed, 0));
    return typeof text === "string" ? changed(text, "text-to-number") : text;
  };
  const small = Number(least);
  const large = Number(most);
  // A range of numbers that doubles hold exactly: whatever lies outside stays outside when it is made a double.
  if (Number.isSafeInteger(small) && Number.isSafeInteger(large)) {
    return (value) => {
      if (typeof value !== "bigint") return readOther(value);
      const number = Number(value);
      return number < small || number > large ? OUT_OF_RANGE : `${number}`;
    };
  }
  return (value) => (typeof value === "bigint" ? readBig(value) : readOther(value));
}
