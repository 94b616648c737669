import { ArchiveError, type OpenArchive, StoreError, tenantFolder } from "@tenantry/archive";
import {
  adoptLoaded,
  type CompiledBlueprint,
  controlWithin,
  limitsOf,
  loadSnapshot,
  migrateLoaded,
  type PoolClient,
  SnapshotLoadError,
  SnapshotMismatchError,
} from "@tenantry/schema";
import { sql } from "kysely";
import { backupError } from "../backup/backup-error.ts";
import type { ReadyBackup } from "../backup/backup-view.ts";
import { IMPORTED } from "../backup/import-backup.ts";
import { readyBackup } from "../backup/list-backups.ts";
import { noteTrouble, openStored } from "../backup/stored-archive.ts";
import { DEFAULT_PLACEMENT, type TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import type { LicenseRow, TenantRow } from "../license-view.ts";
import { provideGateway, tenantGateway } from "../tenant-connection.ts";
import { nextTenantState } from "../tenant-state.ts";

/** A tenant that is to come back. */
export interface LostTenant {
  readonly tenant: TenantRow;
  readonly license: LicenseRow;
  /** What it was when the control data were taken. */
  readonly formerState: "ready" | "provisioning";
}

/**
 * Brings a tenant back from its newest good backup onto the server of the control data, under its own schema name, role and
 * gateway, in one commit with what the control data say of it. Null, or in a sentence why it is lost.
 *
 * @param operationId of the rebuilding
 * @throws TenancyError STORE_UNAVAILABLE, UNAVAILABLE: it says nothing of the tenant, and can be tried again; the signal's reason.
 */
export async function rebuildTenant(
  ctx: TenancyContext,
  operationId: string,
  lost: LostTenant,
  signal: AbortSignal,
): Promise<string | null> {
  const compiled = ctx.blueprints.get(lost.tenant.blueprint);
  if (compiled === undefined) return `There is no blueprint ${lost.tenant.blueprint} in this process.`;
  const backups = await backupsOf(ctx, lost);
  if (backups.length === 0) return noBackup(lost);
  let trouble = "";
  for (const id of backups) {
    signal.throwIfAborted();
    const backup = await readyBackup(ctx, id);
    try {
      const archive = await openStored(ctx, backup);
      await load(ctx, operationId, { ...lost, compiled }, backup, archive, signal);
      return null;
    } catch (error) {
      signal.throwIfAborted();
      const told = backupError(error, "RESTORE_FAILED");
      if (!(told instanceof TenancyError) || told.retryable || isTheStores(told)) throw told;
      trouble ||= told.message;
      if (!isItsOwn(told)) return trouble;
      await noteTrouble(ctx, id, told);
      ctx.log.warn({ err: told, backupId: id, licenseKey: lost.license.key }, "a backup can't be used");
    }
  }
  return trouble;
}

function noBackup({ formerState, license }: LostTenant): string {
  return formerState === "ready"
    ? "There is no backup of it."
    : `It was still being made, and there is no backup of it: see \`tenantry operation list --license ${license.key}\`.`;
}

function isTheStores({ cause }: TenancyError): boolean {
  return cause instanceof StoreError && cause.kind !== "not-found";
}

/** Damaged, missing, or refused by PostgreSQL: then an older one may still do. One that is too new for us is whole. */
function isItsOwn({ code, cause }: TenancyError): boolean {
  if (cause instanceof StoreError) return true;
  return (
    code === "BACKUP_CORRUPT" || cause instanceof SnapshotLoadError || cause instanceof SnapshotMismatchError
  );
}

/** Newest first. What somebody has brought in from elsewhere isn't brought back by itself. */
async function backupsOf(ctx: TenancyContext, { license }: LostTenant): Promise<string[]> {
  const backups = await ctx.control
    .selectFrom("backups")
    .select(["id", "name"])
    .where("license_id", "=", license.id)
    .where("kind", "in", ["tenant", "last"])
    .where("state", "=", "ready")
    .orderBy("taken_at", "desc")
    .execute();
  return backups.filter(({ name }) => !name?.startsWith(tenantFolder(IMPORTED))).map(({ id }) => id);
}

async function load(
  ctx: TenancyContext,
  operationId: string,
  lost: LostTenant & { readonly compiled: CompiledBlueprint },
  backup: ReadyBackup,
  archive: OpenArchive,
  signal: AbortSignal,
): Promise<void> {
  const { tenant, license, compiled } = lost;
  if (archive.tenant?.id !== tenant.id || archive.license?.id !== license.id) {
    throw new ArchiveError("corrupt", "it is of another tenant");
  }
  const placement = ctx.placements.main;
  const gateway = tenantGateway(ctx, tenant);
  await provideGateway(ctx, placement, gateway);
  const outcome = await loadSnapshot(placement.provisioning, {
    source: archive,
    schema: tenant.schema_name,
    role: tenant.role_name,
    gateway,
    mayProceed: async () => !signal.aborted,
    onTable: () => signal.throwIfAborted(),
    finish: async (client) => {
      await migrateLoaded(client, compiled, archive.contents.ledger);
      await adoptLoaded(client, {
        from: tenant.id,
        tenantId: tenant.id,
        operationId,
        licenseKey: license.key,
        limited: limitsOf(compiled.blueprint),
        limits: { users: license.max_users, branches: license.max_branches },
      });
      await recordRebuilt(client, lost, backup);
      return "commit";
    },
  });
  if (outcome.kind === "superseded") signal.throwIfAborted();
  if (outcome.kind === "name-taken") {
    throw new TenancyError("SCHEMA_TAKEN", `Schema ${tenant.schema_name} exists and isn't this tenant's.`);
  }
}

/** The default placement's database is that of the control data. */
async function recordRebuilt(
  client: PoolClient,
  { tenant, license, compiled }: LostTenant & { readonly compiled: CompiledBlueprint },
  backup: ReadyBackup,
): Promise<void> {
  const control = controlWithin(client);
  const ready = nextTenantState("failed", "restored");
  if (ready === undefined) throw new Error("a tenant that is lost can't come back");
  const moved = await control
    .updateTable("tenants")
    .set({
      state: ready,
      placement: DEFAULT_PLACEMENT,
      version: compiled.version,
      ready_at: sql<Date>`coalesce(ready_at, now())`,
    })
    .where("id", "=", tenant.id)
    .where("state", "=", "failed")
    .executeTakeFirst();
  if (moved.numUpdatedRows === 0n) {
    throw new TenancyError("STATE_CONFLICT", "Something else was done with the tenant meanwhile.");
  }
  // It was ready when it was backed up, whatever the control data know.
  await control
    .updateTable("licenses")
    .set({ activated_at: sql<Date>`coalesce(activated_at, now())`, admin_password_hash: null })
    .where("id", "=", license.id)
    .execute();
  await control
    .updateTable("rebuilt_tenants")
    .set({ rebuilt_at: sql<Date>`now()`, taken_at: backup.taken_at, rows: backup.rows, trouble: null })
    .where("tenant_id", "=", tenant.id)
    .execute();
}

/** A tenant that another server has still: nothing is brought back. */
export async function recordLiving(
  ctx: TenancyContext,
  { tenant }: LostTenant,
  placement: string,
): Promise<void> {
  const ready = nextTenantState("failed", "restored");
  if (ready === undefined) throw new Error("a tenant that lives can't be ready");
  await ctx.control.transaction().execute(async (transaction) => {
    await transaction
      .updateTable("tenants")
      .set({
        state: ready,
        placement,
        ready_at: sql<Date>`coalesce(ready_at, now())`,
      })
      .where("id", "=", tenant.id)
      .where("state", "=", "failed")
      .where("version", "is not", null)
      .execute();
    await transaction
      .updateTable("rebuilt_tenants")
      .set({ rebuilt_at: sql<Date>`now()`, taken_at: sql<Date>`now()`, trouble: null })
      .where("tenant_id", "=", tenant.id)
      .execute();
  });
}
