import { pbkdf2, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

const derivePbkdf2 = promisify(pbkdf2);
const deriveScrypt = promisify<string, string, number, ScryptCost, Buffer>(scrypt);

interface ScryptCost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly maxmem: number;
}

/**
 * The most that a stored hash may ask of the server: the rounds of Werkzeug's newest default, and four times the work of
 * its one setting for scrypt. At these bounds a check still ends well within a refusal's beat (see `signIn`).
 */
const MAX_ROUNDS = 1_000_000;
const MAX_BLOCKS = 4 * 32_768 * 8;

/** The digests that Werkzeug's releases have used, with the bytes that they give: a key is as long as its digest. */
const DIGEST_BYTES: Readonly<Record<string, number>> = { sha1: 20, sha256: 32, sha512: 64 };
const SCRYPT_BYTES = 64;

const PBKDF2 = /^pbkdf2:(sha1|sha256|sha512):(\d{1,7})\$([^$]{1,256})\$([0-9a-f]{40,128})$/;
const SCRYPT = /^scrypt:(\d{1,7}):(\d{1,3}):(\d{1,3})\$([^$]{1,256})\$([0-9a-f]{128})$/;

/** A hash as the Python library Werkzeug writes it: `generate_password_hash`, werkzeug/security.py. */
export type WerkzeugHash = { readonly salt: string; readonly key: Buffer } & (
  | { readonly method: "pbkdf2"; readonly digest: string; readonly rounds: number }
  | { readonly method: "scrypt"; readonly n: number; readonly r: number; readonly p: number }
);

/**
 * Reads `pbkdf2:<digest>:<rounds>$<salt>$<hex>` or `scrypt:<n>:<r>:<p>$<salt>$<hex>`. Null for anything else, and for
 * a hash that asks for more work than one that somebody's program wrote in good faith.
 */
export function parseWerkzeugHash(stored: string): WerkzeugHash | null {
  return readPbkdf2(stored) ?? readScrypt(stored);
}

/** True when the password, to the byte as it was typed, is the one that was hashed: Werkzeug normalizes nothing. */
export async function matchesWerkzeugHash(password: string, hash: WerkzeugHash): Promise<boolean> {
  const { salt, key } = hash;
  const derived =
    hash.method === "pbkdf2"
      ? await derivePbkdf2(password, salt, hash.rounds, key.length, hash.digest)
      : await deriveScrypt(password, salt, key.length, scryptCost(hash));
  return timingSafeEqual(derived, key);
}

function readPbkdf2(stored: string): WerkzeugHash | null {
  const match = PBKDF2.exec(stored);
  if (match === null) return null;
  const [, digest = "", text = "", salt = "", hex = ""] = match;
  const rounds = Number(text);
  const key = Buffer.from(hex, "hex");
  const fits = rounds > 0 && rounds <= MAX_ROUNDS && key.length === DIGEST_BYTES[digest];
  return fits ? { method: "pbkdf2", digest, rounds, salt, key } : null;
}

function readScrypt(stored: string): WerkzeugHash | null {
  const match = SCRYPT.exec(stored);
  if (match === null) return null;
  const [n = 0, r = 0, p = 0] = match.slice(1, 4).map(Number);
  // RFC 7914: the cost is a power of two above 1.
  const isPower = n > 1 && (n & (n - 1)) === 0;
  if (!isPower || r < 1 || p < 1 || n * r * p > MAX_BLOCKS) return null;
  const [salt = "", hex = ""] = match.slice(4);
  const key = Buffer.from(hex, "hex");
  return key.length === SCRYPT_BYTES ? { method: "scrypt", n, r, p, salt, key } : null;
}

/** Node refuses to use more memory than it is allowed; 132 leaves room beside the 128 bytes of each block. */
function scryptCost({ n, r, p }: { n: number; r: number; p: number }): ScryptCost {
  return { N: n, r, p, maxmem: 132 * n * r * p + 4096 };
}
