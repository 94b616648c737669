import { userInfo } from "node:os";
import { type Caller, printable } from "@tenantry/tenancy";

/** Longest user name that goes on record: the column has room for 120 characters with the prefix. */
const MAX_NAME = 80;

/** Who asks, when a command does: the operating system's user. */
export function cliCaller(): Caller {
  return { actor: `cli:${printable(userName()).slice(0, MAX_NAME)}`, apiKeyId: null, idempotency: null };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A numeric id without an entry among the users, as in containers.
    return String(process.getuid?.() ?? "unknown");
  }
}
