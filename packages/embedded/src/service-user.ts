import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
import { type Identity, runCommand } from "./run-command.ts";

const SERVICE_USER = "tenantry";
const FALLBACK_USERS = ["postgres", "_postgres", "nobody"];

/** Whether we are root, whom PostgreSQL refuses to run as. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * The user whom root runs PostgreSQL as: the system user `tenantry`, made if missing; where none can be
 * made, an existing unprivileged one.
 *
 * @throws EmbeddedPostgresError EMBEDDED_NO_UNPRIVILEGED_USER when there is none
 */
export async function ensureServiceUser(): Promise<Required<Identity>> {
  const existing = await lookUp(SERVICE_USER);
  if (existing) return existing;
  const useradd = await runCommand("useradd", [
    ...["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"],
    SERVICE_USER,
  ]);
  if (useradd.exitCode === null) {
    await runCommand("adduser", ["-S", "-D", "-H", "-s", "/sbin/nologin", SERVICE_USER]);
  }
  // Looked up whether or not it was made just now: another process may have been quicker.
  for (const name of [SERVICE_USER, ...FALLBACK_USERS]) {
    const user = await lookUp(name);
    if (user) return user;
  }
  throw new EmbeddedPostgresError(
    "EMBEDDED_NO_UNPRIVILEGED_USER",
    "PostgreSQL refuses to run as root, and there is no other user to run it as.",
    `Create one (useradd --system ${SERVICE_USER}), start as an ordinary user, or set DATABASE_URL to a PostgreSQL server.`,
    new Error(useradd.output),
  );
}

async function lookUp(name: string): Promise<Required<Identity> | undefined> {
  const [user, group] = await Promise.all([runCommand("id", ["-u", name]), runCommand("id", ["-g", name])]);
  if (user.exitCode !== 0 || group.exitCode !== 0) return undefined;
  const [uid, gid] = [Number(user.output), Number(group.output)];
  return Number.isInteger(uid) && Number.isInteger(gid) && uid !== 0 ? { uid, gid } : undefined;
}
