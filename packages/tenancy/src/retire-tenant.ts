import { ArchiveError, StoreError } from "@tenantry/archive";
import {
  findRetirable,
  type PoolClient,
  retireSchema,
  SnapshotNotPossibleError,
  sqlState,
} from "@tenantry/schema";
import { removeAttempts, removeUnlessRecorded } from "./backup/abandoned.ts";
import { loadBackedUp } from "./backup/backed-up-tenant.ts";
import { backupError } from "./backup/backup-error.ts";
import { readBack } from "./backup/read-back.ts";
import { backupResult } from "./backup/record-backup.ts";
import { lastBackupId } from "./backup/record-last-backup.ts";
import { Stopped, type WrittenArchive, wantedWatch, writeArchive } from "./backup/write-archive.ts";
import { claimStanding, type Standing } from "./claim.ts";
import type { TenancyContext } from "./context.ts";
import { type LastBackup, recordDropBegan } from "./deletion.ts";
import { type Deletion, deletionError, reportDeletion } from "./deletion-work.ts";
import { TenancyError } from "./errors.ts";
import type { OperationWork } from "./operation-work.ts";
import { placementOf } from "./placement.ts";

export type Retirement =
  | { readonly kind: "retired"; readonly last: LastBackup }
  | { readonly kind: "canceled" | "superseded" };

/** The last backup, and with it the schema's end of use. */
export async function retire(
  ctx: TenancyContext,
  work: OperationWork,
  deletion: Deletion,
  retired: string,
): Promise<Retirement> {
  const { tenant, licenseKey } = deletion;
  try {
    const found = await findRetirable(
      (await placementOf(ctx, tenant)).provisioning,
      { tenantId: tenant.id, schema: tenant.schema_name, retired },
      () => recordDropBegan(ctx, work.claim, null),
    );
    if (found === "superseded") return whyStopped(await claimStanding(ctx, work.claim));
    // What an earlier attempt recorded counts until there is a newer one: here, there won't be.
    if (found !== "in-use") return { kind: "retired", last: deletion.last };
    const license = { id: tenant.license_id, key: licenseKey };
    const backupId = await lastBackupId(ctx, work.claim, license);
    if (backupId === null) return { kind: "superseded" };
    return await archive(ctx, work, deletion, { retired, backupId });
  } catch (error) {
    if (error instanceof Stopped) return whyStopped(error.standing);
    throw lastBackupError(error);
  }
}

/**
 * The archive, and the schema put aside with it: in the snapshot's own transaction, which keeps writers out from before the
 * first row to the commit. So nothing that a customer's application was told is saved is missing from the archive.
 */
async function archive(
  ctx: TenancyContext,
  work: OperationWork,
  { tenant, licenseKey }: Deletion,
  { retired, backupId }: { readonly retired: string; readonly backupId: string },
): Promise<Retirement> {
  const { subject } = await loadBackedUp(ctx.control, tenant.license_id);
  let whole: WrittenArchive | null = null;
  let recorded = false;
  const putAside = async (client: PoolClient, written: WrittenArchive): Promise<"commit" | "roll-back"> => {
    whole = written;
    await readAgain(ctx, work, client, written);
    const { id: tenantId, schema_name: schema, role_name: role } = tenant;
    if (!(await retireSchema(client, { tenantId, schema, role, retired }))) throw changedMeanwhile();
    const result = backupResult(backupId, written);
    recorded = await recordDropBegan(ctx, work.claim, { result, written, tenant: subject.tenant });
    return recorded ? "commit" : "roll-back";
  };
  try {
    const written = await writeArchive(ctx, {
      claim: work.claim,
      backupId,
      kind: "tenant",
      licenseKey,
      subject,
      pool: (await placementOf(ctx, tenant)).provisioning,
      schema: tenant.schema_name,
      onTable: (table, done, total) => reportDeletion(work, "backup", done, total, `Backing up ${table}`),
      thenInTransaction: putAside,
    });
    if (!recorded) return whyStopped(await claimStanding(ctx, work.claim));
    return { kind: "retired", last: { backup: backupResult(backupId, written), plain: null } };
  } finally {
    // A backup of a tenant that stays is nobody's.
    if (!recorded && whole !== null) await removeUnlessRecorded(ctx, backupId, whole);
    else if (!recorded) await removeAttempts(ctx, backupId, work.claim.attempt + 1);
  }
}

/** Nothing comes after a last backup that could take its place, so it isn't one before it was read. */
async function readAgain(
  ctx: TenancyContext,
  work: OperationWork,
  client: PoolClient,
  written: WrittenArchive,
): Promise<void> {
  reportDeletion(work, "backup", 1, 1, "Reading the backup again");
  // It takes as long as it takes. Whoever takes over from a worker that died meanwhile evicts its connection.
  await client.query("SET LOCAL idle_in_transaction_session_timeout = 0");
  await readBack(ctx, written, wantedWatch(ctx, work.claim));
}

function whyStopped(standing: Standing): Retirement {
  return { kind: standing === "cancel-requested" ? "canceled" : "superseded" };
}

function changedMeanwhile(): TenancyError {
  return new TenancyError(
    "BACKUP_FAILED",
    "Somebody else changed the tenant's schema. Nothing was dropped.",
    {
      retryable: true,
    },
  );
}

function lastBackupError(error: unknown): unknown {
  if (error instanceof ArchiveError) {
    return new TenancyError(
      "BACKUP_FAILED",
      `The last backup can't be read as it was written: ${error.message}. Nothing was dropped.`,
      { hint: "See what happens to files where BACKUP_URL points; then delete again.", cause: error },
    );
  }
  if (error instanceof StoreError || sqlState(error) === undefined) {
    const named = backupError(error, "BACKUP_FAILED");
    if (named === error || !(named instanceof TenancyError)) return error;
    const { code, message, hint, retryable } = named;
    return new TenancyError(code, `${message} Nothing was dropped.`, {
      hint,
      // One that is gone is found to be gone next time.
      retryable: retryable || error instanceof SnapshotNotPossibleError,
      cause: error,
    });
  }
  return deletionError(
    error,
    "BACKUP_FAILED",
    "PostgreSQL refused a part of the last backup; nothing was dropped",
  );
}
