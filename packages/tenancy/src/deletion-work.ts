import { isTransient, SQLSTATE, sqlState } from "@tenantry/schema";
import type { LastBackup } from "./deletion.ts";
import { TenancyError } from "./errors.ts";
import type { TenantRow } from "./license-view.ts";
import type { OperationWork } from "./operation-work.ts";

/** What a delete-tenant operation is about. */
export interface Deletion {
  readonly licenseKey: string;
  readonly tenant: TenantRow;
  /** What an earlier attempt made. */
  readonly last: LastBackup;
  readonly formerState: "ready" | "failed";
}

/** Where the parts lie between 0 and 100. */
const PERCENT = { backup: [5, 60], drop: [60, 95], redis: [95, 99] } as const;

/** Shows how far a deletion is. */
export function reportDeletion(
  work: OperationWork,
  step: keyof typeof PERCENT,
  done: number,
  total: number,
  message: string,
): void {
  const [from, to] = PERCENT[step];
  const percent = Math.floor(from + ((to - from) * done) / Math.max(total, 1));
  work.report({ percent, step, message, done, total });
}

/** What a tenant's schema is called from the moment that it is out of use until it is gone. */
export function retiredSchemaName(tenantId: string): string {
  return `deleting_${tenantId.replaceAll("-", "")}`;
}

const HINTS: Readonly<Record<string, string>> = {
  [SQLSTATE.insufficientPrivilege]:
    "Something in the tenant's schema belongs to another login: give it to Tenantry's (ALTER … OWNER TO …), or remove it.",
  [SQLSTATE.dependentObjectsStillExist]:
    "The tenant's role was given rights by another login, here or in another database: take them back (REVOKE, or DROP OWNED BY as a superuser), then run `tenantry operation retry`.",
};

/** Names the trouble by SQLSTATE. PostgreSQL's own sentence may quote a row, so it goes to the log only. */
export function deletionError(
  error: unknown,
  code: "BACKUP_FAILED" | "DELETION_FAILED",
  detail: string,
): unknown {
  if (error instanceof TenancyError) return error;
  if (isTransient(error)) {
    return new TenancyError("UNAVAILABLE", "PostgreSQL is away or busy; the work will be tried again.", {
      retryable: true,
      hint: "Nothing to do unless it lasts: see whether PostgreSQL is up, and who holds locks in the tenant's schema.",
      cause: error,
    });
  }
  const state = sqlState(error);
  if (state === undefined) return error;
  const hint = HINTS[state];
  return new TenancyError(code, `${detail} (SQLSTATE ${state}).`, {
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
}
