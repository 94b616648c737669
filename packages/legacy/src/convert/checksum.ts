import { hash } from "node:crypto";

/** Rows whose halves are surely added exactly in doubles: 2^32 × 2^20 is below 2^53. */
const ROWS_PER_CARRY = 2 ** 20;

/** The sum over rows of the first eight bytes of their SHA-256, see `CHECKSUM_SEPARATOR`. */
export class Checksum {
  #total = 0n;
  #high = 0;
  #low = 0;
  #rows = 0;

  /** @param text the row's columns, joined and marked as the plan's types say. */
  add(text: string): void {
    // One character a byte: quicker than a buffer for each row.
    const digest = hash("sha256", text, "binary");
    this.#high += int32(digest, 0);
    this.#low += int32(digest, 4) >>> 0;
    if (++this.#rows % ROWS_PER_CARRY === 0) this.#carry();
  }

  /** As decimal text. */
  get text(): string {
    this.#carry();
    return `${this.#total}`;
  }

  #carry(): void {
    this.#total += (BigInt(this.#high) << 32n) + BigInt(this.#low);
    this.#high = 0;
    this.#low = 0;
  }
}

function int32(bytes: string, at: number): number {
  return (
    (bytes.charCodeAt(at) << 24) |
    (bytes.charCodeAt(at + 1) << 16) |
    (bytes.charCodeAt(at + 2) << 8) |
    bytes.charCodeAt(at + 3)
  );
}
