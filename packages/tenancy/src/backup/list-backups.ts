import type { ControlDatabase } from "@tenantry/schema";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import { normalizeLicenseKey } from "../license-key.ts";
import { isUuid, type Page, type PageRequest, readCursor, toPage } from "../page.ts";
import { type Backup, type BackupFilter, type BackupRow, type ReadyBackup, toBackup } from "./backup-view.ts";

/** Backups that fit the filter, newest first; those that are whole, unless a state is asked for. */
export async function listBackups(
  ctx: TenancyContext,
  filter: BackupFilter,
  page: PageRequest,
): Promise<Page<Backup>> {
  let query = ctx.control
    .selectFrom("backups")
    .selectAll()
    .where("state", "=", filter.state ?? "ready")
    .orderBy("id", "desc")
    .limit(page.limit + 1);
  if (filter.kind !== undefined) query = query.where("kind", "=", filter.kind);
  if (filter.licenseKey !== undefined)
    query = query.where("license_key", "=", normalizeLicenseKey(filter.licenseKey));
  if (page.cursor !== undefined) query = query.where("id", "<", readCursor(page.cursor));
  return toPage(await query.execute(), page.limit, toBackup);
}

/**
 * @throws TenancyError BACKUP_NOT_FOUND
 */
export async function getBackup(ctx: TenancyContext, id: string): Promise<Backup> {
  return toBackup(await backupRow(ctx, id));
}

/**
 * @throws TenancyError BACKUP_NOT_FOUND
 */
export async function backupRow(ctx: TenancyContext, id: string): Promise<BackupRow> {
  const row = isUuid(id)
    ? await ctx.control.selectFrom("backups").selectAll().where("id", "=", id).executeTakeFirst()
    : undefined;
  if (row === undefined) throw new TenancyError("BACKUP_NOT_FOUND", "There is no backup with that id.");
  return row;
}

/**
 * One that can be read.
 *
 * @throws TenancyError BACKUP_NOT_FOUND; STATE_CONFLICT while it is being made and after it is gone.
 */
export async function readyBackup(ctx: TenancyContext, id: string): Promise<ReadyBackup> {
  const row = await backupRow(ctx, id);
  const { archive_id, name, sha256 } = row;
  if (row.state === "ready" && archive_id !== null && name !== null && sha256 !== null) {
    return { ...row, archive_id, name, sha256 };
  }
  throw row.state === "making"
    ? new TenancyError("STATE_CONFLICT", "The backup isn't finished.", {
        hint: `See how far it is: \`tenantry operation show ${row.operation_id}\`.`,
      })
    : new TenancyError("STATE_CONFLICT", "The backup is gone: it was never finished, or it was removed.", {
        hint: "Use another one: `tenantry backup list`.",
      });
}

/**
 * The same for an operation that is about to be accepted of it, in the operation's transaction: until its end the retention
 * doesn't remove it, and then it sees the operation.
 *
 * @throws TenancyError BACKUP_NOT_FOUND, STATE_CONFLICT
 */
export async function lockReadyBackup(
  ctx: TenancyContext,
  transaction: ControlDatabase,
  id: string,
): Promise<ReadyBackup> {
  if (isUuid(id)) {
    await transaction.selectFrom("backups").select("id").where("id", "=", id).forShare().execute();
  }
  return readyBackup({ ...ctx, control: transaction }, id);
}
