import { createHash, randomBytes } from "node:crypto";

const TOKEN_BYTES = 32;

/** A new bearer token: 256 random bits behind a prefix that says what it is, for people and secret scanners. */
export function generateToken(prefix: "tk" | "ts" | "to"): string {
  return `${prefix}_${randomBytes(TOKEN_BYTES).toString("base64url")}`;
}

/** How a token is stored. It has 256 random bits, so a plain fast hash can't be searched backwards. */
export function hashToken(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
