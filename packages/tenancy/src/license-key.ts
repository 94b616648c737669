import { randomBytes } from "node:crypto";

/** Crockford's base 32: no I, L, O or U, so that a key can be read out on the telephone. https://www.crockford.com/base32.html */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
export const KEY_BYTES = 10;

/** A new key `XXXX-XXXX-XXXX-XXXX`: 80 random bits. Uniqueness is the database's to hold, by constraint. */
export function generateLicenseKey(): string {
  return formatLicenseKey(randomBytes(KEY_BYTES));
}

/** A key out of its 80 bits. */
export function formatLicenseKey(bytes: Uint8Array): string {
  let bits = 0n;
  for (const byte of bytes.subarray(0, KEY_BYTES)) bits = (bits << 8n) | BigInt(byte);
  let text = "";
  for (let shift = 75n; shift >= 0n; shift -= 5n) text += ALPHABET.charAt(Number((bits >> shift) & 31n));
  return text.replace(/(.{4})(?=.)/g, "$1-");
}

/** A key as people type it, in the form it is stored in: trimmed and in capitals. */
export function normalizeLicenseKey(key: string): string {
  return key.trim().toUpperCase();
}
