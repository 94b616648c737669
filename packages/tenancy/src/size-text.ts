const UNITS = ["kB", "MB", "GB", "TB"] as const;

/** `12 B`, `3.4 MB`; thousands, as disks are sold. */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = "B";
  for (const larger of UNITS) {
    if (value < 999.5) break;
    value /= 1_000;
    unit = larger;
  }
  return `${unit === "B" || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${unit}`;
}

/** `12,345`. */
export function numberText(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
