/** A decimal number, exactly: `digits` × 10^-`decimals`, without zeros in front of or behind what counts. Zero is "". */
export interface Decimal {
  readonly negative: boolean;
  readonly digits: string;
  readonly decimals: number;
}

const NUMBER = /^\s*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,5}))?\s*$/;
/** Longer than any column takes; what comes from a hostile file must not cost time by the square of its length. */
const MOST_CHARACTERS = 400;

/** Reads `-12.50`, `.5`, `1e-7`; null for anything that is no decimal number, other scripts' digits among it. */
export function parseDecimal(text: string): Decimal | null {
  if (text.length > MOST_CHARACTERS) return null;
  const match = NUMBER.exec(text);
  if (match === null) return null;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  if (whole === "" && fraction === "") return null;
  return strip(sign === "-", whole + fraction, fraction.length - Number(exponent));
}

function strip(negative: boolean, digits: string, decimals: number): Decimal {
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === 0x30) end--;
  let start = 0;
  while (start < end && digits.charCodeAt(start) === 0x30) start++;
  if (start === end) return { negative: false, digits: "", decimals: 0 };
  return { negative, digits: digits.slice(start, end), decimals: decimals - (digits.length - end) };
}

/** How many digits stand before the point: 0 for 0.5, -1 for 0.05. */
export function wholeDigits({ digits, decimals }: Decimal): number {
  return digits.length - decimals;
}

/** The number with exactly `scale` decimals, which must be no fewer than it has. */
export function formatDecimal({ negative, digits, decimals }: Decimal, scale: number): string {
  const all = (digits + "0".repeat(scale - decimals)).padStart(scale + 1, "0");
  const point = all.length - scale;
  const text = scale === 0 ? all : `${all.slice(0, point)}.${all.slice(point)}`;
  return negative ? `-${text}` : text;
}

/** The nearest number with at most `scale` decimals; a half goes away from zero, as PostgreSQL rounds. */
export function roundDecimal(value: Decimal, scale: number): Decimal {
  const excess = value.decimals - scale;
  if (excess <= 0) return value;
  const kept = value.digits.slice(0, -excess);
  const half = value.digits.length >= excess && value.digits.charCodeAt(value.digits.length - excess) >= 0x35;
  const units = BigInt(kept) + (half ? 1n : 0n);
  return strip(value.negative, String(units), scale);
}

/** As BigInt in units of 10^-`scale`, which must be no fewer decimals than it has. */
export function decimalUnits({ negative, digits, decimals }: Decimal, scale: number): bigint {
  const units = BigInt(digits + "0".repeat(scale - decimals));
  return negative ? -units : units;
}
