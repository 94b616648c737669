import { type ControlDatabase, type LimitedTable, limitsOf, readMarker } from "@tenantry/schema";
import { sql } from "kysely";
import { underClaim } from "../claim.ts";
import type { Placement, TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import type { LicenseRow, TenantRow } from "../license-view.ts";
import type { OperationWork } from "../operation-work.ts";
import { assertNothingElse } from "../tenant-in-use.ts";

/** What a move-tenant operation is about. */
export interface Moving {
  readonly operationId: string;
  readonly backupId: string;
  readonly license: LicenseRow;
  readonly tenant: TenantRow;
  readonly from: Placement;
  readonly to: Placement;
  /** Tables whose rows the license limits. */
  readonly limited: readonly LimitedTable[];
}

/**
 * @throws TenancyError STATE_CONFLICT when the tenant isn't where the move was to begin; PLACEMENT_NOT_FOUND.
 */
export async function loadMoving(ctx: TenancyContext, operationId: string): Promise<Moving> {
  const move = await ctx.control
    .selectFrom("moves")
    .innerJoin("backups", "backups.operation_id", "moves.operation_id")
    .selectAll("moves")
    .select("backups.id as backup_id")
    .where("moves.operation_id", "=", operationId)
    .executeTakeFirstOrThrow();
  const [license, tenant, from, to] = await Promise.all([
    ctx.control
      .selectFrom("licenses")
      .selectAll()
      .where("id", "=", move.license_id)
      .executeTakeFirstOrThrow(),
    ctx.control.selectFrom("tenants").selectAll().where("id", "=", move.tenant_id).executeTakeFirstOrThrow(),
    ctx.placements.of(move.from),
    ctx.placements.of(move.to),
  ]);
  if (tenant.state !== "ready" || tenant.placement !== move.from) {
    throw new TenancyError("STATE_CONFLICT", `The tenant is ${tenant.state}, on ${tenant.placement}.`, {
      hint: "See what has become of it: `tenantry license show KEY`; then order the move anew.",
    });
  }
  const compiled = ctx.blueprints.get(tenant.blueprint);
  const limited = compiled === undefined ? [] : limitsOf(compiled.blueprint);
  return { operationId, backupId: move.backup_id, license, tenant, from, to, limited };
}

/** What the schema that was left on the old server is called. */
export function leftName(operationId: string): string {
  return `moved_${operationId.replaceAll("-", "")}`;
}

/** Has this move taken the tenant's schema on the old server out of use? Then the new one has all of it. */
export async function isClosed({ from, tenant, operationId }: Moving): Promise<boolean> {
  const owner = await readMarker(from.provisioning, leftName(operationId));
  return owner.kind === "tenant" && owner.tenantId === tenant.id;
}

/**
 * The point of no return: from here on the move is finished, whoever finishes it. False when the claim is lost or somebody
 * called it off.
 */
export async function recordClosing(ctx: TenancyContext, { claim }: OperationWork): Promise<boolean> {
  const recorded = await ctx.control
    .with("held", () =>
      underClaim(ctx, claim)
        .set({ heartbeat_at: sql<Date>`now()` })
        .where("cancel_requested_at", "is", null)
        .returning("id"),
    )
    .updateTable("moves")
    .from("held")
    .set({ closed_at: sql<Date>`coalesce(moves.closed_at, now())` })
    .whereRef("moves.operation_id", "=", "held.id")
    .executeTakeFirst();
  return recorded.numUpdatedRows > 0n;
}

/**
 * Takes back what an attempt has recorded that died before it had closed the old schema: the move can be called off again, and
 * when it fails the tenant is in use where it was. Only for who has seen that the old schema is open for good: see
 * `settledOwner`. Nothing happens when the claim is lost.
 */
export async function recordOpen(ctx: TenancyContext, { claim }: OperationWork): Promise<void> {
  await ctx.control
    .with("held", () => underClaim(ctx, claim).set({ heartbeat_at: sql<Date>`now()` }).returning("id"))
    .updateTable("moves")
    .from("held")
    .set({ closed_at: null })
    .whereRef("moves.operation_id", "=", "held.id")
    .where("closed_at", "is not", null)
    .execute();
}

/**
 * @throws TenancyError STATE_CONFLICT when a move can't be called off any more.
 */
export async function assertNotSwitching(transaction: ControlDatabase, operationId: string): Promise<void> {
  const move = await transaction
    .selectFrom("moves")
    .select("closed_at")
    .where("operation_id", "=", operationId)
    .executeTakeFirst();
  if (move === undefined || move.closed_at === null) return;
  throw new TenancyError("STATE_CONFLICT", "The tenant is being switched over; that can't be called off.", {
    hint: "Move it back when it is done: `tenantry tenant move KEY --to PLACEMENT`.",
  });
}

/**
 * Makes sure that a tenant isn't on its way to another server. In a transaction that holds the tenant's row none is
 * ordered before its end.
 *
 * @throws TenancyError STATE_CONFLICT
 */
export async function assertNotMoving(control: ControlDatabase, tenantId: string): Promise<void> {
  const id = await moveUnderWay(control, tenantId);
  if (id === null) return;
  throw new TenancyError("STATE_CONFLICT", `The tenant is being moved (operation ${id}).`, {
    hint: `Wait for the move's end: \`tenantry operation watch ${id}\`.`,
  });
}

/** The operation that moves a tenant just now, or is about to; null when there is none. */
export async function moveUnderWay(control: ControlDatabase, tenantId: string): Promise<string | null> {
  const move = await control
    .selectFrom("moves")
    .innerJoin("operations", "operations.id", "moves.operation_id")
    .select("operations.id")
    .where("moves.tenant_id", "=", tenantId)
    .where("operations.state", "in", ["queued", "running"])
    .executeTakeFirst();
  return move?.id ?? null;
}

/**
 * Takes a failed or canceled move up again, inside the transaction that puts its operation back. That the tenant is where it
 * was, the move sees for itself.
 *
 * @throws TenancyError STATE_CONFLICT while something else is done with the tenant.
 */
export async function takeMoveUp(transaction: ControlDatabase, operationId: string): Promise<void> {
  const move = await transaction
    .selectFrom("moves")
    .innerJoin("tenants", "tenants.id", "moves.tenant_id")
    .select("moves.license_id")
    .where("moves.operation_id", "=", operationId)
    .forUpdate("tenants")
    .executeTakeFirstOrThrow();
  await assertNothingElse(transaction, move.license_id, operationId);
}
