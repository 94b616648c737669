import { pbkdf2Sync, randomInt, scryptSync } from "node:crypto";

const SALT_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const SALT_LENGTH = 16;
const SCRYPT = { cost: 32_768, blockSize: 8, parallelization: 1, length: 64 };
const PBKDF2_LENGTH = 32;

/** A password as Werkzeug's `generate_password_hash` stores it since 2.3. The salt goes in as its text's bytes. */
export function werkzeugScrypt(password: string): string {
  const salt = newSalt();
  const { cost, blockSize, parallelization, length } = SCRYPT;
  const key = scryptSync(password, salt, length, {
    cost,
    blockSize,
    parallelization,
    // Node's own bound is what these parameters need to the byte, and it refuses to come up to it.
    maxmem: 132 * cost * blockSize,
  });
  return `scrypt:${cost}:${blockSize}:${parallelization}$${salt}$${key.toString("hex")}`;
}

/** A password as Werkzeug stored it before: 260,000 rounds up to 2.2, 600,000 since, unless told otherwise. */
export function werkzeugPbkdf2(password: string, rounds = 260_000): string {
  const salt = newSalt();
  const key = pbkdf2Sync(password, salt, rounds, PBKDF2_LENGTH, "sha256");
  return `pbkdf2:sha256:${rounds}$${salt}$${key.toString("hex")}`;
}

function newSalt(): string {
  return Array.from({ length: SALT_LENGTH }, () => SALT_LETTERS[randomInt(SALT_LETTERS.length)]).join("");
}
