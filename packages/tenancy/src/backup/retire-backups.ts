import { retire, tenantFolder } from "@tenantry/archive";
import type { ControlDatabase } from "@tenantry/schema";
import { sql } from "kysely";
import type { TenancyContext } from "../context.ts";
import type { BackupRow } from "./backup-view.ts";
import { IMPORTED } from "./import-backup.ts";
import { removeBackup } from "./remove-backup.ts";

/** Licenses whose backups are looked at together. */
const BATCH = 200;

/**
 * Removes the backups that the retention has no use for, each tenant's and the control data's by themselves; the newest good
 * one of each always stays. The last backups of deleted tenants stay until their license is erased, and so do those that
 * somebody has brought in. One that is being restored or verified waits for the next time. Returns how many were removed.
 *
 * @throws StoreError
 */
export async function retireBackups(ctx: TenancyContext): Promise<number> {
  if (ctx.backups.retention === null) return 0;
  const inUse = await backupsInUse(ctx.control);
  const now = await databaseNow(ctx);
  let removed = await retireThose(ctx, await readyOf(ctx, null), inUse, now);
  for (let after: string | null = null; ; ) {
    let query = ctx.control.selectFrom("licenses").select("id").orderBy("id").limit(BATCH);
    if (after !== null) query = query.where("id", ">", after);
    const licenses = (await query.execute()).map(({ id }) => id);
    const last = licenses.at(-1);
    if (last === undefined) return removed;
    const backups = await readyOf(ctx, licenses);
    for (const its of Object.values(Object.groupBy(backups, ({ license_id }) => license_id ?? ""))) {
      removed += await retireThose(ctx, its ?? [], inUse, now);
    }
    after = last;
  }
}

type Candidate = Pick<BackupRow, "id" | "license_id" | "archive_id" | "name" | "taken_at" | "trouble">;

/** Of those licenses; null: of the control data. */
async function readyOf(ctx: TenancyContext, licenseIds: readonly string[] | null): Promise<Candidate[]> {
  const ready = ctx.control
    .selectFrom("backups")
    .select(["id", "license_id", "archive_id", "name", "taken_at", "trouble"])
    .where("state", "=", "ready");
  if (licenseIds === null) return ready.where("kind", "=", "control").execute();
  const backups = await ready
    .where("kind", "=", "tenant")
    .where("license_id", "=", sql<string>`any(${licenseIds}::uuid[])`)
    .execute();
  return backups.filter(({ name }) => !name?.startsWith(tenantFolder(IMPORTED)));
}

async function retireThose(
  ctx: TenancyContext,
  backups: readonly Candidate[],
  inUse: ReadonlySet<string>,
  now: Date,
): Promise<number> {
  const { retention } = ctx.backups;
  if (retention === null) return 0;
  const retained = backups.flatMap(({ id, taken_at: takenAt, trouble }) =>
    takenAt === null ? [] : [{ id, takenAt, good: trouble === null }],
  );
  const useless = new Set(retire(retained, retention, now));
  let removed = 0;
  for (const backup of backups) {
    if (!useless.has(backup.id) || inUse.has(backup.id)) continue;
    if (await removeBackup(ctx, backup, (transaction) => isUseless(transaction, backup))) removed += 1;
  }
  return removed;
}

/** By the clock that backups are dated by: a worker's own may be wrong. */
async function databaseNow(ctx: TenancyContext): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select now()`.execute(ctx.control);
  const [row] = rows;
  if (row === undefined) throw new Error("PostgreSQL didn't tell the time");
  return row.now;
}

/** Still: a round takes as long as it takes, and another backup may have turned out to be the only good one. */
async function isUseless(
  transaction: ControlDatabase,
  { id, license_id, taken_at }: Candidate,
): Promise<boolean> {
  if ((await backupsInUse(transaction, id)).size > 0) return false;
  const another = await transaction
    .selectFrom("backups")
    .select("id")
    .where("id", "!=", id)
    .where("license_id", "is not distinct from", license_id)
    .where("kind", "=", license_id === null ? "control" : "tenant")
    .where("state", "=", "ready")
    .where("trouble", "is", null)
    .where("taken_at", ">=", taken_at)
    .limit(1)
    .executeTakeFirst();
  return another !== undefined;
}

/** Those that are to be restored or verified; of all, or of one. */
async function backupsInUse(control: ControlDatabase, only?: string): Promise<Set<string>> {
  const used = sql<string | null>`coalesce(restores.backup_id::text, operations.input ->> 'backupId')`;
  let query = control
    .selectFrom("operations")
    .leftJoin("restores", "restores.operation_id", "operations.id")
    .select(used.as("id"))
    .where("operations.state", "in", ["queued", "running"])
    .where("operations.kind", "in", ["restore", "verify-backup"]);
  if (only !== undefined) query = query.where(used, "=", only);
  return new Set((await query.execute()).flatMap(({ id }) => (id === null ? [] : [id])));
}
