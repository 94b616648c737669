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

interface Digest {
  /** A key is as long as its digest. */
  readonly bytes: number;
  readonly maxRounds: number;
}

/**
 * The digests that Werkzeug's releases have used. `maxRounds` is the most that a stored hash may ask of the server: of
 * SHA-256 as many as Werkzeug's newest default, of the others what takes about as long, an eighth of a second. So a check
 * ends well within a refusal's beat (see `signIn`), also on a processor that is several times slower.
 */
const DIGESTS: Readonly<Record<string, Digest>> = {
  sha1: { bytes: 20, maxRounds: 1_000_000 },
  sha256: { bytes: 32, maxRounds: 1_000_000 },
  sha512: { bytes: 64, maxRounds: 250_000 },
};
/** Werkzeug's one setting for scrypt, and what costs less. */
const MAX_BLOCKS = 32_768 * 8;
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
  const known = DIGESTS[digest];
  if (known === undefined || rounds < 1 || rounds > known.maxRounds || key.length !== known.bytes)
    return null;
  return { method: "pbkdf2", digest, rounds, salt, key };
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
