import { type Argon2Parameters, argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { matchesWerkzeugHash, parseWerkzeugHash } from "./werkzeug-hash.ts";

const derive = promisify(argon2);

/** OWASP's first recommendation for Argon2id: 19 MiB, 2 passes, 1 lane. https://cheatsheetseries.owasp.org (Password Storage) */
const MEMORY_KIB = 19_456;
const PASSES = 2;
const LANES = 1;
const SALT_BYTES = 16;
const TAG_BYTES = 32;
/** More than this in a stored hash is somebody's attempt to exhaust the server. */
const MAX_MEMORY_KIB = 262_144;
const MAX_PASSES = 16;

/** Hashes a password with Argon2id, in PHC string form: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<tag>`. */
export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(SALT_BYTES);
  const tag = await derive("argon2id", parameters(password, nonce, MEMORY_KIB, PASSES, LANES, TAG_BYTES));
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${base64(nonce)}$${base64(tag)}`;
}

const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** `werkzeug`: moved in from a legacy system, to be replaced by Argon2id as soon as the password is known. */
export type PasswordForm = "argon2id" | "werkzeug" | "unknown";

/** Which form a stored hash has. One that asks for more work than the server should give is unknown. */
export function passwordForm(stored: string): PasswordForm {
  if (readArgon2(stored) !== null) return "argon2id";
  return parseWerkzeugHash(stored) === null ? "unknown" : "werkzeug";
}

/**
 * True when the password is the one that was hashed, with Argon2id (whatever way its letters are composed) or by
 * Werkzeug (exactly as it was typed). A hash in a form that isn't known never matches.
 */
export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const werkzeug = parseWerkzeugHash(stored);
  if (werkzeug !== null) return matchesWerkzeugHash(password, werkzeug);
  const match = readArgon2(stored);
  if (match === null) return false;
  const [, memory = "", passes = "", lanes = "", salt = "", expected = ""] = match;
  const tag = Buffer.from(expected, "base64");
  const actual = await derive(
    "argon2id",
    parameters(
      password,
      Buffer.from(salt, "base64"),
      Number(memory),
      Number(passes),
      Number(lanes),
      tag.length,
    ),
  );
  return timingSafeEqual(tag, actual);
}

function readArgon2(stored: string): RegExpExecArray | null {
  const match = PHC.exec(stored);
  return Number(match?.[1]) <= MAX_MEMORY_KIB && Number(match?.[2]) <= MAX_PASSES ? match : null;
}

/** A hash of a password that nobody knows, to spend the same time on an account that doesn't exist. */
export const DECOY_HASH = `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${base64(Buffer.alloc(SALT_BYTES, 1))}$${base64(Buffer.alloc(TAG_BYTES))}`;

function parameters(
  password: string,
  nonce: Buffer,
  memory: number,
  passes: number,
  parallelism: number,
  tagLength: number,
): Argon2Parameters {
  return { message: password.normalize("NFC"), nonce, memory, passes, parallelism, tagLength };
}

function base64(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}
