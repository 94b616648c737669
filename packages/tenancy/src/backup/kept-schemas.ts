import { dropKeptSchema, dropRoleAlone, isConnectionLoss } from "@tenantry/schema";
import { sql } from "kysely";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import type { Caller } from "../idempotency.ts";
import type { TenantRow } from "../license-view.ts";
import { isUuid, type Page, type PageRequest, readCursor, toPage } from "../page.ts";
import { assertNotMoving } from "../placement/moving.ts";
import { placementOf } from "../placement.ts";
import { tenantGateway } from "../tenant-connection.ts";
import { backupError } from "./backup-error.ts";

/** A tenant's data as it was before a restore replaced it. Times are ISO 8601, UTC. */
export interface KeptSchema {
  readonly id: string;
  readonly licenseKey: string;
  /** In PostgreSQL; no tenant's role can enter it. */
  readonly schema: string;
  /** The restore that put it aside. */
  readonly operationId: string;
  readonly keptAt: string;
  /** When it goes by itself. */
  readonly dropAfter: string;
}

/** What a restore that was broken off has noted may not be there: it counts when the restore is done. */
function done(ctx: TenancyContext) {
  return ctx.control
    .selectFrom("kept_schemas")
    .innerJoin("operations", "operations.id", "kept_schemas.operation_id")
    .innerJoin("licenses", "licenses.id", "kept_schemas.license_id")
    .selectAll("kept_schemas")
    .select("licenses.key")
    .where("kept_schemas.reason", "=", "restore")
    .where("operations.state", "=", "succeeded");
}

/** What restores have put aside, newest first. */
export async function listKeptSchemas(ctx: TenancyContext, page: PageRequest): Promise<Page<KeptSchema>> {
  let query = done(ctx)
    .orderBy("kept_schemas.id", "desc")
    .limit(page.limit + 1);
  if (page.cursor !== undefined) query = query.where("kept_schemas.id", "<", readCursor(page.cursor));
  return toPage(await query.execute(), page.limit, (row) => ({
    id: row.id,
    licenseKey: row.key,
    schema: row.schema_name,
    operationId: row.operation_id,
    keptAt: row.kept_at.toISOString(),
    dropAfter: (row.drop_after ?? row.kept_at).toISOString(),
  }));
}

/**
 * Drops what a restore has put aside, before its time. May be broken off and asked for again, also at once.
 *
 * @throws TenancyError KEPT_SCHEMA_NOT_FOUND; UNAVAILABLE
 */
export async function dropKept(ctx: TenancyContext, id: string, caller: Caller): Promise<void> {
  const row = isUuid(id) ? await done(ctx).where("kept_schemas.id", "=", id).executeTakeFirst() : undefined;
  if (row === undefined) {
    throw new TenancyError("KEPT_SCHEMA_NOT_FOUND", "There is no kept schema with that id.");
  }
  try {
    await drop(ctx, row, async () => true);
  } catch (error) {
    throw backupError(error, "RESTORE_FAILED");
  }
  ctx.log.info({ licenseKey: row.key, schema: row.schema_name, actor: caller.actor }, "kept schema dropped");
}

/** For the maintenance: drops what has been kept long enough. Returns how many there were; one that resists waits. */
export async function dropExpiredKept(ctx: TenancyContext): Promise<number> {
  const expired = await ctx.control
    .selectFrom("kept_schemas")
    .innerJoin("operations", "operations.id", "kept_schemas.operation_id")
    .selectAll("kept_schemas")
    .where("kept_schemas.drop_after", "<", sql<Date>`now()`)
    .where("operations.state", "not in", ["queued", "running"])
    .orderBy("kept_schemas.drop_after")
    .execute();
  let dropped = 0;
  const away = new Set<string>();
  for (const row of expired) {
    // Each try would wait for it, and what else the maintenance has to do with it.
    if (away.has(row.placement)) continue;
    try {
      await drop(ctx, row, async () => true);
      dropped += 1;
    } catch (error) {
      if (isConnectionLoss(error)) away.add(row.placement);
      ctx.log.warn({ err: error, schema: row.schema_name }, "a kept schema isn't dropped yet");
    }
  }
  return dropped;
}

/**
 * Drops all that restores and moves have put aside of one tenant, for whoever takes the tenant itself away. False when
 * `mayProceed` said no.
 *
 * @throws the driver's error.
 */
export async function dropKeptOf(
  ctx: TenancyContext,
  tenantId: string,
  mayProceed: () => Promise<boolean>,
): Promise<boolean> {
  const rows = await ctx.control
    .selectFrom("kept_schemas")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .execute();
  for (const row of rows) if (!(await drop(ctx, row, mayProceed))) return false;
  return true;
}

/**
 * The same for a tenant that is deleted: what lies on another server than its own, which may be gone for good, holds nobody
 * up. The maintenance goes on with what resists.
 *
 * @throws the driver's error.
 */
export async function releaseKeptOf(
  ctx: TenancyContext,
  tenant: Pick<TenantRow, "id" | "placement">,
  mayProceed: () => Promise<boolean>,
): Promise<boolean> {
  const rows = await ctx.control
    .selectFrom("kept_schemas")
    .selectAll()
    .where("tenant_id", "=", tenant.id)
    .execute();
  for (const row of rows) {
    try {
      if (!(await drop(ctx, row, mayProceed))) return false;
    } catch (error) {
      if (row.placement === tenant.placement) throw error;
      ctx.log.warn(
        { err: error, schema: row.schema_name, placement: row.placement },
        "a kept schema isn't dropped yet",
      );
      await ctx.control
        .updateTable("kept_schemas")
        .set({ drop_after: sql<Date>`now()` })
        .where("id", "=", row.id)
        .execute();
    }
  }
  return true;
}

/**
 * Drops what finished moves have left of one tenant on servers that it lived on. Returns how many there were.
 *
 * @throws the driver's error.
 */
export async function dropMoved(ctx: TenancyContext, tenantId: string): Promise<number> {
  const rows = await ctx.control
    .selectFrom("kept_schemas")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .where("reason", "=", "move")
    .execute();
  for (const row of rows) await drop(ctx, row, async () => true);
  return rows.length;
}

interface KeptRow {
  readonly id: string;
  readonly reason: "restore" | "move";
  readonly placement: string;
  readonly schema_name: string;
  readonly tenant_id: string;
}

/** The note goes last. */
async function drop(ctx: TenancyContext, row: KeptRow, mayProceed: () => Promise<boolean>): Promise<boolean> {
  const { provisioning } = await placementOf(ctx, row);
  const dropped = await dropKeptSchema(provisioning, {
    keptAs: row.schema_name,
    tenantId: row.tenant_id,
    mayProceed,
    onProgress: () => undefined,
  });
  if (!dropped) return false;
  if (row.reason === "move") await dropRoleLeft(ctx, row);
  await ctx.control.deleteFrom("kept_schemas").where("id", "=", row.id).execute();
  return true;
}

/** A tenant's role is one for each server that it lives on, or has left a schema on. */
async function dropRoleLeft(ctx: TenancyContext, row: KeptRow): Promise<void> {
  const { provisioning } = await placementOf(ctx, row);
  await ctx.control.transaction().execute(async (transaction) => {
    // Locked until the role is gone: nobody orders a move back meanwhile, whose copy would have its rights from this role.
    const tenant = await transaction
      .selectFrom("tenants")
      .selectAll()
      .where("id", "=", row.tenant_id)
      .forUpdate()
      .executeTakeFirst();
    if (tenant === undefined || tenant.placement === row.placement) return;
    await assertNotMoving(transaction, tenant.id);
    await dropRoleAlone(provisioning, { role: tenant.role_name, gateway: tenantGateway(ctx, tenant) });
  });
}
