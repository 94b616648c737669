import type { OperationKind } from "@tenantry/schema";
import type { TenancyContext } from "../context.ts";
import { type LastBackup, lastBackupOf } from "../deletion.ts";
import type { Caller } from "../idempotency.ts";
import type { TenantRow } from "../license-view.ts";
import { type LabelledOperationRow, toOperation } from "../operation-view.ts";
import { labelledOperations } from "../operations.ts";
import { type Announce, deadWorkerFinding, failedFinding, retryFix } from "./check-operations.ts";
import { type Finding, ok, problem } from "./finding.ts";
import { DEAD_WORKER_MS } from "./operations-in-need.ts";

/** Is the tenant ready, and if not, what became of the operation that was to make it so? */
export async function checkTenant(
  ctx: TenancyContext,
  tenant: TenantRow,
  { caller, announce }: { readonly caller: Caller; readonly announce: Announce },
): Promise<Finding> {
  if (tenant.state === "ready")
    return ok("tenant", `The tenant is ready since ${tenant.ready_at?.toISOString()}`);
  if (tenant.state === "deleted") return checkDeleted(ctx, tenant);
  const operation = await latestOperation(ctx, tenant);
  if (operation === undefined) {
    return problem(
      "tenant",
      `The tenant is ${tenant.state}, and no operation is about it`,
      "Restore its schema from a backup of PostgreSQL.",
    );
  }
  const { id, kind } = operation;
  if (isSilent(operation)) return deadWorkerFinding("tenant", operation, announce);
  switch (operation.state) {
    case "failed":
      return { ...failedFinding(ctx, toOperation(operation), caller, announce), check: "tenant" };
    case "canceled":
      return problem(
        "tenant",
        `The tenant is ${tenant.state}: operation ${id} (${kind}) was canceled`,
        `Do it after all: \`tenantry operation retry ${id}\`.`,
        retryFix(ctx, id, caller, announce),
      );
    case "succeeded":
      return problem(
        "tenant",
        `The tenant is ${tenant.state} though operation ${id} (${kind}) succeeded`,
        "Report it.",
      );
    default:
      return ok(
        "tenant",
        `The tenant is ${tenant.state}: operation ${id} is ${operation.state}, ${operation.percent}% ${operation.step}`,
      );
  }
}

/** Where it went, for whoever looks for it. */
async function checkDeleted(ctx: TenancyContext, tenant: TenantRow): Promise<Finding> {
  const deletion = await ctx.control
    .selectFrom("deletions")
    .select(["deleted_at", "backup"])
    .where("tenant_id", "=", tenant.id)
    .where("deleted_at", "is not", null)
    .orderBy("operation_id", "desc")
    .executeTakeFirst();
  const where = await whereIsLast(ctx, lastBackupOf(deletion?.backup ?? null));
  return ok("tenant", `The tenant was deleted at ${deletion?.deleted_at?.toISOString()}; ${where}`);
}

async function whereIsLast(ctx: TenancyContext, { backup, plain }: LastBackup): Promise<string> {
  if (plain !== null) return `its last backup is ${plain.file}, written on ${plain.host}`;
  if (backup === null) return "there was no schema to back up";
  const row = await ctx.control
    .selectFrom("backups")
    .select("state")
    .where("id", "=", backup.backupId)
    .executeTakeFirst();
  const { backupId } = backup;
  return row?.state === "ready"
    ? `its last backup is ${backupId}`
    : `its last backup was ${backupId}, and is gone`;
}

const MAKING: readonly OperationKind[] = ["create-tenant", "migrate-legacy", "restore"];

/** The operation that the tenant's state is about. A deletion that was given up left the state as it had been. */
function latestOperation(
  ctx: TenancyContext,
  { license_id, state }: TenantRow,
): Promise<LabelledOperationRow | undefined> {
  return labelledOperations(ctx.control)
    .where("operations.license_id", "=", license_id)
    .where("operations.kind", "in", state === "deleting" ? ["delete-tenant"] : MAKING)
    .orderBy("operations.id", "desc")
    .limit(1)
    .executeTakeFirst();
}

function isSilent({ state, heartbeat_at }: LabelledOperationRow): boolean {
  return state === "running" && Date.now() - (heartbeat_at?.getTime() ?? 0) > DEAD_WORKER_MS;
}
