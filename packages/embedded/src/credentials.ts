import { randomBytes } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
import { errorCode } from "./error-code.ts";

export const SUPERUSER = "postgres";

/** What has to be known of a cluster to use it; kept beside it, for the owner's eyes only. */
export interface Credentials {
  readonly password: string;
  /** Whether the cluster was made to be thrown away, and so may have been written without fsync. */
  readonly ephemeral: boolean;
}

/** 32 random bytes, in letters that need no escaping in a URL. */
export function generatePassword(): string {
  return randomBytes(32).toString("base64url");
}

/** Writes the credentials so that a reader, or a crash, sees the old file or the new one, nothing between. */
export async function writeCredentials(dataDir: string, credentials: Credentials): Promise<void> {
  const path = credentialsFile(dataDir);
  const temporary = `${path}.tmp`;
  await rm(temporary, { force: true });
  const file = await open(temporary, "wx", 0o600);
  try {
    await file.writeFile(`${JSON.stringify({ user: SUPERUSER, ...credentials })}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

/**
 * @throws EmbeddedPostgresError EMBEDDED_CREDENTIALS_MISSING when the file is gone or not what we wrote
 */
export async function readCredentials(dataDir: string): Promise<Credentials> {
  const path = credentialsFile(dataDir);
  try {
    const { password, ephemeral } = JSON.parse(await readFile(path, "utf8"));
    if (typeof password !== "string" || password === "") throw new Error("no password in it");
    return { password, ephemeral: ephemeral === true };
  } catch (cause) {
    const trouble = errorCode(cause) ?? "not readable as JSON with a password";
    throw new EmbeddedPostgresError(
      "EMBEDDED_CREDENTIALS_MISSING",
      `The cluster in ${dataDir} is there, but its credentials are not (${path}: ${trouble}).`,
      "Put that file back from a backup of the data directory; or move the directory away to begin with an empty cluster.",
      // A JSON error quotes the text that it could not read, which may be the password.
      errorCode(cause) ? cause : undefined,
    );
  }
}

export function credentialsFile(dataDir: string): string {
  return join(dataDir, "postgres-credentials.json");
}
