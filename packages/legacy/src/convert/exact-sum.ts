/** Digits of which many thousand sums are still exact in a double. */
const LANE_DIGITS = 12;
const LANE = 10 ** LANE_DIGITS;
const FULL = 2 ** 52;

/**
 * The exact sum of decimal numbers that are all printed with the same number of decimals, as PostgreSQL prints `numeric`.
 * Adds in doubles, in two lanes that can't lose a digit, and only now and then in a BigInt, which is ten times slower.
 */
export class ExactSum {
  readonly #scale: number;
  #total = 0n;
  #high = 0;
  #low = 0;

  /** @param scale decimals of each number; 0 for integers. */
  constructor(scale: number) {
    this.#scale = scale;
  }

  add(text: string): void {
    let high = 0;
    let low = 0;
    let digits = 0;
    const negative = text.charCodeAt(0) === 0x2d;
    const split = text.length - LANE_DIGITS - (this.#scale > 0 && this.#scale < LANE_DIGITS ? 1 : 0);
    for (let at = negative ? 1 : 0; at < text.length; at++) {
      const digit = text.charCodeAt(at) - 0x30;
      if (digit < 0) continue;
      if (at < split) {
        high = high * 10 + digit;
        digits++;
      } else {
        low = low * 10 + digit;
      }
    }
    if (digits > LANE_DIGITS) {
      this.#total += BigInt(text.replace(".", ""));
      return;
    }
    this.#high += negative ? -high : high;
    this.#low += negative ? -low : low;
    if (Math.abs(this.#high) > FULL || Math.abs(this.#low) > FULL) this.#carry();
  }

  /** Exact decimal text with the scale's decimals. */
  get text(): string {
    this.#carry();
    const negative = this.#total < 0n;
    const digits = `${negative ? -this.#total : this.#total}`.padStart(this.#scale + 1, "0");
    const point = digits.length - this.#scale;
    const text = this.#scale === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
    return negative ? `-${text}` : text;
  }

  #carry(): void {
    this.#total += BigInt(this.#high) * BigInt(LANE) + BigInt(this.#low);
    this.#high = 0;
    this.#low = 0;
  }
}
