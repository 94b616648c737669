import type { ArchiveSubject } from "@tenantry/archive";
import { CONTROL_SCHEMA, type ControlDatabase, SnapshotNotPossibleError } from "@tenantry/schema";
import type { Placement, TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import type { OperationHandler, OperationWork, WorkResult } from "../operation-work.ts";
import { moveUnderWay } from "../placement/moving.ts";
import { placementOf } from "../placement.ts";
import { succeed } from "../succeed-operation.ts";
import { assertNotHalfMoved } from "../tenant-in-use.ts";
import { removeAttempts, removeUnlessRecorded } from "./abandoned.ts";
import { type BackedUpTenant, loadBackedUp } from "./backed-up-tenant.ts";
import { backupError } from "./backup-error.ts";
import { assertNobodyErasedSince } from "./outdated-control.ts";
import { backupResult, recordBackup } from "./record-backup.ts";
import { Stopped, type WrittenArchive, writeArchive } from "./write-archive.ts";

/**
 * Backs one tenant or the control data up, as it is at one moment, while it is in use. May run twice, at once, or after any
 * crash: each attempt writes an archive of its own, and the backup is there with the commit that ends the operation.
 */
export const backUp: OperationHandler = async (ctx, work) => {
  const backup = await ctx.control
    .selectFrom("backups")
    .select(["id", "kind", "license_id"])
    .where("operation_id", "=", work.operation.id)
    .executeTakeFirstOrThrow();
  const what = backup.kind === "control" ? controlData(ctx) : await tenantOf(ctx, backup.license_id);
  let written: WrittenArchive | null = null;
  try {
    written = await write(ctx, work, backup.id, what);
    const ended = await record(ctx, work, backup.id, what, written);
    if (ended.kind === "succeeded") await removeAttempts(ctx, backup.id, work.claim.attempt);
    else await removeUnlessRecorded(ctx, backup.id, written);
    return ended;
  } catch (error) {
    if (written === null) await removeAttempts(ctx, backup.id, work.claim.attempt + 1);
    else await removeUnlessRecorded(ctx, backup.id, written);
    if (error instanceof Stopped)
      return { kind: error.standing === "cancel-requested" ? "canceled" : "superseded" };
    throw backupError(await orGone(ctx, backup.license_id, what.placement, error), "BACKUP_FAILED");
  }
};

/** What is backed up, and where it lies. */
interface BackedUp {
  readonly kind: "tenant" | "control";
  readonly licenseKey: string | null;
  readonly subject: ArchiveSubject;
  readonly placement: Placement;
  readonly schema: string;
  /** Refuses an archive that may not be one any more, in the transaction that would make it one. */
  readonly confirm?: (transaction: ControlDatabase, written: WrittenArchive) => Promise<void>;
}

async function tenantOf(ctx: TenancyContext, licenseId: string | null): Promise<BackedUp> {
  const backedUp = await loadBackedUp(ctx.control, licenseId);
  assertThere(backedUp);
  const { tenant, licenseKey, subject } = backedUp;
  const placement = await placementOf(ctx, tenant);
  return { kind: "tenant", licenseKey, subject, placement, schema: tenant.schema_name };
}

function controlData(ctx: TenancyContext): BackedUp {
  return {
    kind: "control",
    licenseKey: null,
    subject: { license: null, tenant: null },
    placement: ctx.placements.main,
    schema: CONTROL_SCHEMA,
    confirm: assertNobodyErasedSince,
  };
}

function assertThere({ tenant }: BackedUpTenant): void {
  if (tenant.state === "ready") return;
  throw new TenancyError("STATE_CONFLICT", `The tenant is ${tenant.state}; there is nothing to back up.`);
}

function write(
  ctx: TenancyContext,
  work: OperationWork,
  backupId: string,
  { kind, licenseKey, subject, placement, schema }: BackedUp,
): Promise<WrittenArchive> {
  return writeArchive(ctx, {
    claim: work.claim,
    backupId,
    kind,
    licenseKey,
    subject,
    pool: placement.provisioning,
    schema,
    onTable: (table, done, total) =>
      work.report({
        percent: 5 + Math.floor((90 * done) / Math.max(total, 1)),
        step: "rows",
        message: `Backing up ${table}`,
        done,
        total,
      }),
  });
}

async function record(
  ctx: TenancyContext,
  work: OperationWork,
  backupId: string,
  { subject, confirm }: BackedUp,
  written: WrittenArchive,
): Promise<WorkResult> {
  const result = backupResult(backupId, written);
  const message = `Backup ${backupId}: ${result.rows} rows of ${result.tables} tables`;
  const last = { percent: 100, step: "ready", message, done: result.tables, total: result.tables };
  return succeed(ctx, work, { last, result }, async (transaction) => {
    await confirm?.(transaction, written);
    await recordBackup(transaction, result, written, subject.tenant);
  });
}

/** Neither a deletion nor a move waits for backups: what broke then says nothing that anybody has to mend. */
async function orGone(
  ctx: TenancyContext,
  licenseId: string | null,
  { name }: Placement,
  error: unknown,
): Promise<unknown> {
  const tenant = await ctx.control
    .selectFrom("tenants")
    .select(["id", "license_id", "state", "placement"])
    .where("license_id", "=", licenseId)
    .executeTakeFirst();
  if (tenant === undefined) return error;
  if (tenant.state === "deleting" || tenant.state === "deleted") {
    const deleted = "The tenant was deleted meanwhile; its last backup has it all.";
    return new TenancyError("STATE_CONFLICT", deleted, { cause: error });
  }
  const isMissing = error instanceof SnapshotNotPossibleError && error.reason === "no-schema";
  if (!isMissing) return error;
  await assertNotHalfMoved(ctx.control, tenant.license_id, null);
  if (tenant.placement === name && (await moveUnderWay(ctx.control, tenant.id)) === null) return error;
  return new TenancyError("UNAVAILABLE", "The tenant is moved to another server; it is backed up there.", {
    retryable: true,
    hint: "Nothing to do: it is tried again.",
    cause: error,
  });
}
