import { loadSnapshot } from "@tenantry/schema";
import { sql } from "kysely";
import { claimStanding } from "../claim.ts";
import { DEFAULT_PLACEMENT, type TenancyContext } from "../context.ts";
import type { OperationHandler } from "../operation-work.ts";
import { placementOf } from "../placement.ts";
import { succeed } from "../succeed-operation.ts";
import { backupError } from "./backup-error.ts";
import type { ReadyBackup } from "./backup-view.ts";
import { readyBackup } from "./list-backups.ts";
import { isTheArchives, noteTrouble, openStored } from "./stored-archive.ts";
import { watchedSource } from "./watched-source.ts";
import { Stopped, wantedWatch } from "./write-archive.ts";

/** What a finished verify-backup operation says. */
export interface VerifyBackupResult {
  readonly backupId: string;
  readonly rows: number;
  readonly tables: number;
}

/**
 * Restores a backup into a scratch schema and compares counts, checksums, constraints, sequences and structure with what it
 * says of itself. All in a transaction that is rolled back: a verification leaves nothing, however it ends.
 */
export const verifyBackup: OperationHandler = async (ctx, work) => {
  const { backupId } = work.operation.input as { backupId: string };
  const backup = await readyBackup(ctx, backupId);
  const step = (name: string, message: string, percent: number, done = 0, total = 0): void =>
    work.report({ percent, step: name, message, done, total });
  step("check", "Reading the archive", 5);
  const archive = await openStored(ctx, backup);
  let stopped: "canceled" | "superseded" = "superseded";
  const outcome = await loadSnapshot((await placementFor(ctx, backup)).provisioning, {
    source: watchedSource(archive, wantedWatch(ctx, work.claim)),
    schema: `verifying_${work.operation.id.replaceAll("-", "")}`,
    role: null,
    gateway: null,
    mayProceed: async () => {
      const standing = await claimStanding(ctx, work.claim);
      if (standing === "cancel-requested") stopped = "canceled";
      return standing === "valid";
    },
    onTable: (table, done, total) =>
      step("load", `Loading ${table}`, 10 + Math.floor((80 * done) / Math.max(total, 1)), done, total),
    finish: async () => "roll-back",
  }).catch(async (error: unknown) => {
    if (error instanceof Stopped) {
      if (error.standing === "cancel-requested") stopped = "canceled";
      return { kind: "superseded" } as const;
    }
    const told = backupError(error, "RESTORE_FAILED");
    throw isTheArchives(error) ? await noteTrouble(ctx, backupId, told) : told;
  });
  if (outcome.kind === "superseded") return { kind: stopped };
  const { tables } = archive.figures;
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const result: VerifyBackupResult = { backupId, rows, tables: tables.length };
  const message = `Backup ${backupId} can be restored: ${rows} rows of ${tables.length} tables came back equal`;
  const last = { percent: 100, step: "verified", message, done: tables.length, total: tables.length };
  return succeed(ctx, work, { last, result }, async (transaction) => {
    await transaction
      .updateTable("backups")
      .set({ verified_at: sql<Date>`now()`, checked_at: sql<Date>`now()`, trouble: null })
      .where("id", "=", backupId)
      .execute();
  });
};

/** Where the tenant lies now, or where new ones would: the very server that it would be restored on. */
async function placementFor(ctx: TenancyContext, backup: ReadyBackup) {
  const tenant = await ctx.control
    .selectFrom("tenants")
    .select("placement")
    .where("license_id", "=", backup.license_id)
    .executeTakeFirst();
  return await placementOf(ctx, { placement: tenant?.placement ?? DEFAULT_PLACEMENT });
}
