/** A number of tenants, or a share of them: `"5%"`. */
export type Amount = number | `${number}%`;

const PERCENT = /^(\d{1,3})%$/;

/** Reads `3` or `5%`; null for anything else. */
export function parseAmount(text: string): Amount | null {
  if (/^\d{1,7}$/.test(text)) return Number(text);
  const share = Number(PERCENT.exec(text)?.[1] ?? Number.NaN);
  return share <= 100 ? `${share}%` : null;
}

/** So many out of `total`; of a share what is whole. */
export function amountOf(amount: Amount, total: number): number {
  if (typeof amount === "number") return amount;
  return Math.floor((Number(PERCENT.exec(amount)?.[1] ?? 0) * total) / 100);
}

/**
 * Tenants by wave: the canary first, then each wave so many times larger than the one before. No wave is empty.
 *
 * @param canary the first wave's size; at least one, at most all
 */
export function waveSizes(total: number, canary: number, growth: number): number[] {
  const sizes: number[] = [];
  let size = Math.max(1, canary);
  for (let left = total; left > 0; left -= sizes.at(-1) ?? left) {
    sizes.push(Math.min(size, left));
    size *= growth;
  }
  return sizes;
}

/** Failures that a run may have up to the end of a wave: a share is one of the tenants that have had their turn by then. */
export function budgetOf(maxFailures: Amount, waves: readonly number[], wave: number): number {
  const turned = waves.slice(0, wave + 1).reduce((sum, size) => sum + size, 0);
  return amountOf(maxFailures, turned);
}
