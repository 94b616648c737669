import { isTransient } from "@tenantry/schema";
import { backupError } from "../backup/backup-error.ts";
import { TenancyError } from "../errors.ts";
import type { Moving } from "./moving.ts";

/** Names the trouble of a move, and the two servers of which one may be away. */
export function moveError(error: unknown, { from, to }: Moving): unknown {
  if (error instanceof TenancyError || !isTransient(error)) return backupError(error, "RESTORE_FAILED");
  return new TenancyError(
    "UNAVAILABLE",
    `PostgreSQL is away or busy on ${from.name} or ${to.name}; the work will be tried again.`,
    {
      retryable: true,
      hint: "Nothing to do unless it lasts: see whether both servers are up, and who holds locks in the tenant's schema.",
      cause: error,
    },
  );
}
