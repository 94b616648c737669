import type { OperationKind, OperationState } from "@tenantry/schema";
import { sql } from "kysely";
import type { TenancyContext } from "./context.ts";
import { TenancyError } from "./errors.ts";
import { normalizeLicenseKey } from "./license-key.ts";
import { type LabelledOperationRow, type Operation, toOperation } from "./operation-view.ts";
import { isUuid, type Page, type PageRequest, readCursor, toPage } from "./page.ts";

export interface OperationFilter {
  readonly kind?: OperationKind;
  readonly state?: OperationState;
  readonly licenseKey?: string;
  readonly parentId?: string;
}

/** Operations with their license's key beside them, and runs with the number of children that run just now. */
export function labelledOperations(control: TenancyContext["control"]) {
  return control
    .selectFrom("operations")
    .leftJoin("licenses", "licenses.id", "operations.license_id")
    .selectAll("operations")
    .select((eb) => [
      "licenses.key as license_key",
      eb
        .case()
        .when("operations.children", "is not", null)
        .then(
          eb
            .selectFrom("operations as child")
            .select(sql<number>`count(*)::integer`.as("running"))
            .whereRef("child.parent_id", "=", "operations.id")
            .where("child.state", "=", "running"),
        )
        .end()
        .as("children_running"),
    ]);
}

/**
 * @throws TenancyError OPERATION_NOT_FOUND
 */
export async function getOperationRow(ctx: TenancyContext, id: string): Promise<LabelledOperationRow> {
  const row = isUuid(id)
    ? await labelledOperations(ctx.control).where("operations.id", "=", id).executeTakeFirst()
    : undefined;
  if (row === undefined) throw new TenancyError("OPERATION_NOT_FOUND", "There is no operation with that id.");
  return row;
}

/**
 * @throws TenancyError OPERATION_NOT_FOUND
 */
export async function getOperation(ctx: TenancyContext, id: string): Promise<Operation> {
  return toOperation(await getOperationRow(ctx, id));
}

/** Operations that fit the filter, newest first. */
export async function listOperations(
  ctx: TenancyContext,
  filter: OperationFilter,
  page: PageRequest,
): Promise<Page<Operation>> {
  let query = labelledOperations(ctx.control)
    .orderBy("operations.id", "desc")
    .limit(page.limit + 1);
  if (filter.kind !== undefined) query = query.where("operations.kind", "=", filter.kind);
  if (filter.state !== undefined) query = query.where("operations.state", "=", filter.state);
  if (filter.parentId !== undefined) query = query.where("operations.parent_id", "=", filter.parentId);
  if (filter.licenseKey !== undefined) {
    query = query.where("licenses.key", "=", normalizeLicenseKey(filter.licenseKey));
  }
  if (page.cursor !== undefined) query = query.where("operations.id", "<", readCursor(page.cursor));
  return toPage(await query.execute(), page.limit, toOperation);
}

export interface OperationEvent {
  readonly at: string;
  readonly type: string;
  readonly actor: string;
  readonly data: object;
}

/** What happened to an operation, oldest first. */
export async function listOperationEvents(ctx: TenancyContext, id: string): Promise<OperationEvent[]> {
  const rows = await ctx.control
    .selectFrom("operation_events")
    .select(["at", "type", "actor", "data"])
    .where("operation_id", "=", id)
    .orderBy("id")
    .execute();
  return rows.map((row) => ({ at: row.at.toISOString(), type: row.type, actor: row.actor, data: row.data }));
}
