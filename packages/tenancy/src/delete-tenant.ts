import { dropRetired, dropRoleAlone, endSessionsOf } from "@tenantry/schema";
import { sql } from "kysely";
import { removeAttempts } from "./backup/abandoned.ts";
import { releaseKeptOf } from "./backup/kept-schemas.ts";
import type { BackupResult } from "./backup/record-backup.ts";
import { claimStanding, underClaim } from "./claim.ts";
import type { TenancyContext } from "./context.ts";
import { type LastBackup, lastBackupOf, type PlainBackup } from "./deletion.ts";
import { type Deletion, deletionError, reportDeletion, retiredSchemaName } from "./deletion-work.ts";
import { TenancyError } from "./errors.ts";
import type { OperationHandler, OperationWork, WorkResult } from "./operation-work.ts";
import { placementOf } from "./placement.ts";
import { retire } from "./retire-tenant.ts";
import { tenantGateway } from "./tenant-connection.ts";
import { removeTenantRedis } from "./tenant-redis.ts";

/** What a finished delete-tenant operation says. */
export interface DeleteTenantResult {
  readonly licenseKey: string;
  readonly schema: string;
  /** Null when the tenant had no schema: its creation had failed, or somebody had removed it. */
  readonly backup: BackupResult | null;
  /** Only of a deletion that a version without archives had begun: then there is this, and no `backup`. */
  readonly plainBackup?: PlainBackup;
}

/**
 * Deletes a tenant: last backup, then schema and role. May run twice, at once, or after any crash: what is left on the
 * placement says where to go on, and until the schema is put aside, in the backup's own transaction, nothing has changed.
 */
export const deleteTenant: OperationHandler = async (ctx, work) => {
  const deletion = await loadDeletion(ctx, work.operation.id);
  const { tenant } = deletion;
  const { provisioning } = await placementOf(ctx, tenant);
  const retired = retiredSchemaName(tenant.id);

  const retirement = await retire(ctx, work, deletion, retired);
  if (retirement.kind !== "retired") return retirement;
  const { last } = retirement;
  reportDeletion(work, "drop", 0, 0, `Dropping schema ${tenant.schema_name}`);
  try {
    const access = { role: tenant.role_name, gateway: tenantGateway(ctx, tenant) };
    await endSessionsOf(provisioning, access);
    const mayProceed = async () => (await claimStanding(ctx, work.claim)) !== "lost";
    if (!(await releaseKeptOf(ctx, tenant, mayProceed))) return { kind: "superseded" };
    let total = 0;
    const dropped = await dropRetired(provisioning, {
      schema: tenant.schema_name,
      retired,
      tenantId: tenant.id,
      ...access,
      mayProceed,
      onProgress: (left) => {
        total = Math.max(total, left);
        reportDeletion(work, "drop", total - left, total, `Dropping schema ${tenant.schema_name}`);
      },
    });
    if (!dropped) return { kind: "superseded" };
    // Left over where somebody had removed the schema by hand; gone with it otherwise.
    if (deletion.formerState === "ready") await dropRoleAlone(provisioning, access);
  } catch (error) {
    throw deletionError(error, "DELETION_FAILED", "PostgreSQL refused to drop a part of the tenant");
  }
  reportDeletion(work, "redis", 0, 0, "Removing the tenant's keys in Redis");
  await removeTenantRedis(ctx, tenant);
  if (last.backup !== null) await removeAttempts(ctx, last.backup.backupId, work.claim.attempt);
  return finish(ctx, work, deletion, last);
};

/** Tenant deleted, license inactive, operation succeeded: one statement, or nothing when the claim is lost. */
async function finish(
  ctx: TenancyContext,
  work: OperationWork,
  { licenseKey, tenant }: Deletion,
  { backup, plain }: LastBackup,
): Promise<WorkResult> {
  const result: DeleteTenantResult = {
    licenseKey,
    schema: tenant.schema_name,
    backup,
    ...(plain === null ? {} : { plainBackup: plain }),
  };
  const name = backup?.backupId ?? plain?.file;
  const last = {
    percent: 100,
    step: "deleted",
    message: `Tenant ${tenant.schema_name} is deleted; ${name === undefined ? "it had no schema to back up" : `its last backup is ${name}`}`,
    done: 0,
    total: 0,
  };
  const done = await ctx.control
    .with("done", () =>
      underClaim(ctx, work.claim)
        .set({
          ...last,
          state: "succeeded",
          finished_at: sql<Date>`now()`,
          result: JSON.stringify(result),
        })
        .returning(["id", "worker", "license_id"]),
    )
    .with("tenant", (db) =>
      db
        .updateTable("tenants")
        .from("done")
        .set({ state: "deleted" })
        .whereRef("tenants.license_id", "=", "done.license_id")
        .where("tenants.state", "=", "deleting")
        .returning("tenants.id"),
    )
    .with("license", (db) =>
      db
        .updateTable("licenses")
        .from("done")
        .set({ is_active: false, admin_password_hash: null })
        .whereRef("licenses.id", "=", "done.license_id")
        // Left to itself PostgreSQL takes the last first; whoever changes a license takes its tenant first.
        .where(({ selectFrom, fn }) => selectFrom("tenant").select(fn.countAll().as("rows")), ">=", 0),
    )
    .with("history", (db) =>
      db
        .insertInto("license_events")
        .columns(["license_id", "type", "actor", "from", "to"])
        .expression((eb) =>
          eb
            // As it was before this statement.
            .selectFrom("licenses")
            .innerJoin("done", "done.license_id", "licenses.id")
            .select((select) => [
              "licenses.id",
              select.val("deleted" as const).as("type"),
              sql<string>`(select actor from tenantry.operation_events where operation_id = done.id and type = 'accepted' order by id limit 1)`.as(
                "actor",
              ),
              sql<string>`jsonb_build_object('status', tenantry.license_status(licenses.is_active, licenses.suspended_at, licenses.expires_at, now()))`.as(
                "from",
              ),
              sql<string>`jsonb_build_object('status', 'inactive')`.as("to"),
            ]),
        ),
    )
    .with("late_sessions", (db) =>
      db.deleteFrom("sessions").using("done").whereRef("sessions.license_id", "=", "done.license_id"),
    )
    .with("unmade", (db) =>
      db
        .updateTable("backups")
        .from("done")
        .set({ state: "gone", gone_at: sql<Date>`now()` })
        .whereRef("backups.operation_id", "=", "done.id")
        .where("backups.state", "=", "making"),
    )
    .with("deletion", (db) =>
      db
        .updateTable("deletions")
        .from("done")
        .set({ deleted_at: sql<Date>`now()` })
        .whereRef("deletions.operation_id", "=", "done.id"),
    )
    .insertInto("operation_events")
    .columns(["operation_id", "type", "actor"])
    .expression((eb) =>
      eb
        .selectFrom("done")
        .select((select) => [
          "done.id",
          select.val("succeeded" as const).as("type"),
          sql<string>`'worker:' || done.worker`.as("actor"),
        ]),
    )
    .executeTakeFirst();
  return (done.numInsertedOrUpdatedRows ?? 0n) > 0n ? { kind: "succeeded", last } : { kind: "superseded" };
}

async function loadDeletion(ctx: TenancyContext, operationId: string): Promise<Deletion> {
  const row = await ctx.control
    .selectFrom("deletions")
    .innerJoin("tenants", "tenants.id", "deletions.tenant_id")
    .innerJoin("licenses", "licenses.id", "tenants.license_id")
    .selectAll("tenants")
    .select(["licenses.key", "deletions.backup", "deletions.former_state"])
    .where("deletions.operation_id", "=", operationId)
    .executeTakeFirst();
  if (row === undefined)
    throw new TenancyError("TENANT_NOT_FOUND", "The operation's license or tenant is gone.");
  return {
    licenseKey: row.key,
    tenant: row,
    last: lastBackupOf(row.backup),
    formerState: row.former_state,
  };
}
