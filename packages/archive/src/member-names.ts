/** Members of an archive by the names that they have when nothing is encrypted, in their order. */
export const KEY = "KEY";
export const HEADER = "archive.json";
export const CONTENTS = "contents.json.zst";
export const BEFORE = "before.sql.zst";
export const AFTER = "after.sql.zst";
export const FIGURES = "figures.json.zst";
export const SUMS = "SHA256SUMS";
export const SIGNATURE = "SIGNATURE";

/** Tables and parts are counted from 0 here and from 1 in names. */
export function partName(table: number, part: number): string {
  return `rows/${String(table + 1).padStart(4, "0")}/${String(part + 1).padStart(6, "0")}.copy.zst`;
}

const PART = /^rows\/(\d+)\/(\d+)\.copy\.zst$/;

/** Which table and part a name without `.enc` is for; null for another name. */
export function parsePartName(name: string): { table: number; part: number } | null {
  const match = PART.exec(name);
  if (match === null) return null;
  const place = { table: Number(match[1]) - 1, part: Number(match[2]) - 1 };
  // The one way to write it.
  return partName(place.table, place.part) === name ? place : null;
}

/** One line of `SHA256SUMS`, as `sha256sum` writes it. */
export function sumLine(name: string, sha256: string): string {
  return `${sha256}  ${name}\n`;
}

/** What `SIGNATURE` holds. */
export function signatureText(keyId: string, mac: Buffer): string {
  return `HMAC-SHA256 ${keyId} ${mac.toString("hex")}\n`;
}
