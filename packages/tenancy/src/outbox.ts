import type { OperationKind } from "@tenantry/schema";
import { sql } from "kysely";
import type { TenancyContext } from "./context.ts";

/** An operation as the queue has to know it: what the job's data shows, and nothing secret. */
export interface OutboxEntry {
  readonly id: string;
  readonly kind: OperationKind;
  readonly licenseKey: string | null;
  readonly clientName: string | null;
  readonly schema: string | null;
  /** The run that it is a child of. */
  readonly runId: string | null;
  /** Milliseconds until it may start. */
  readonly delayMs: number;
}

export interface OutboxQuery {
  /** A queued operation that the queue was last seen to hold longer ago than this is looked for again. Milliseconds. */
  readonly recheckMs: number;
  /** A running operation whose worker gave no sign of life for so long. Milliseconds. */
  readonly leaseMs: number;
  readonly limit: number;
}

function entries(ctx: TenancyContext) {
  return ctx.control
    .selectFrom("operations")
    .leftJoin("licenses", "licenses.id", "operations.license_id")
    .leftJoin("tenants", "tenants.license_id", "operations.license_id")
    .select([
      "operations.id",
      "operations.kind",
      // A license that is about to move in isn't there yet: its operation says what it will be.
      sql<string | null>`coalesce(licenses.key, operations.input ->> 'licenseKey')`.as("licenseKey"),
      sql<string | null>`coalesce(licenses.client_name, operations.input ->> 'clientName')`.as("clientName"),
      sql<string | null>`coalesce(tenants.schema_name, operations.input ->> 'schema')`.as("schema"),
      "operations.parent_id as runId",
      sql<number>`greatest(0, ceil(extract(epoch from operations.available_at - now()) * 1000))::float8`.as(
        "delayMs",
      ),
    ]);
}

/** Operations that were committed and never enqueued: the API died, or the queue was away. Oldest first. */
export async function neverEnqueued(ctx: TenancyContext, limit: number): Promise<OutboxEntry[]> {
  return (
    entries(ctx)
      .where("operations.state", "=", "queued")
      .where("operations.enqueued_at", "is", null)
      // The process that accepted it is about to enqueue it itself.
      .where("operations.available_at", "<", sql<Date>`now() - interval '300 milliseconds'`)
      .orderBy("operations.id")
      .limit(limit)
      .execute()
  );
}

/** Operations that the queue should hold and may have lost: emptied, restarted without its data, worker dead. */
export async function maybeLost(ctx: TenancyContext, query: OutboxQuery): Promise<OutboxEntry[]> {
  const ago = (milliseconds: number) => sql<Date>`now() - ${milliseconds} * interval '1 millisecond'`;
  return entries(ctx)
    .where("operations.state", "in", ["queued", "running"])
    .where((eb) =>
      eb.or([
        eb.and([
          eb("operations.state", "=", "queued"),
          eb("operations.enqueued_at", "<", ago(query.recheckMs)),
        ]),
        // A worker may have taken it before anybody noted that it was on the queue.
        eb.and([
          eb("operations.state", "=", "running"),
          eb("operations.heartbeat_at", "<", ago(query.leaseMs)),
          eb.or([
            eb("operations.enqueued_at", "is", null),
            eb("operations.enqueued_at", "<", ago(query.recheckMs)),
          ]),
        ]),
      ]),
    )
    .orderBy("operations.enqueued_at")
    .limit(query.limit)
    .execute();
}

/** One operation's entry, for the process that has just accepted it. Null when it no longer waits. */
export async function outboxEntry(ctx: TenancyContext, id: string): Promise<OutboxEntry | null> {
  const row = await entries(ctx)
    .where("operations.id", "=", id)
    .where("operations.state", "=", "queued")
    .executeTakeFirst();
  return row ?? null;
}

/** The children of a run that wait and were never enqueued, oldest first. */
export async function neverEnqueuedChildren(
  ctx: TenancyContext,
  runId: string,
  limit: number,
): Promise<OutboxEntry[]> {
  return entries(ctx)
    .where("operations.parent_id", "=", runId)
    .where("operations.state", "=", "queued")
    .where("operations.enqueued_at", "is", null)
    .orderBy("operations.id")
    .limit(limit)
    .execute();
}

/** Remembers that the queue holds their jobs, as of now. */
export async function markEnqueued(ctx: TenancyContext, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await ctx.control
    .updateTable("operations")
    .set({ enqueued_at: sql<Date>`now()` })
    .where("id", "in", ids)
    .where("state", "in", ["queued", "running"])
    .execute();
}
