import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";

/** PostgreSQL's default, `scram_iterations`. */
const ITERATIONS = 4096;

/**
 * What PostgreSQL keeps of a password. Sent in the password's place, so that neither a log of statements nor
 * `pg_stat_activity` ever shows the password itself.
 *
 * @param password ASCII: SASLprep, which others would need, leaves it as it is
 * Source: RFC 5802, and `scram_build_secret` in PostgreSQL's src/common/scram-common.c for the form.
 */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16)): string {
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, "sha256");
  const keyed = (text: string) => createHmac("sha256", salted).update(text).digest();
  const storedKey = createHash("sha256").update(keyed("Client Key")).digest();
  const encoded = [storedKey, keyed("Server Key")].map((key) => key.toString("base64"));
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString("base64")}$${encoded.join(":")}`;
}
