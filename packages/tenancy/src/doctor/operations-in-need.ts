import { sql } from "kysely";
import type { TenancyContext } from "../context.ts";
import { normalizeLicenseKey } from "../license-key.ts";
import type { OutboxEntry } from "../outbox.ts";

/** A worker gives a sign of life every few seconds: one silent for so long is dead. Milliseconds. */
export const DEAD_WORKER_MS = 30_000;
/** Whoever accepted an operation may still be about to enqueue it. Milliseconds. */
const JUST_ACCEPTED_MS = 2_000;

function unfinished(ctx: TenancyContext) {
  return (
    ctx.control
      .selectFrom("operations")
      .leftJoin("licenses", "licenses.id", "operations.license_id")
      .leftJoin("tenants", "tenants.license_id", "operations.license_id")
      .select([
        "operations.id",
        "operations.kind",
        sql<string | null>`coalesce(licenses.key, operations.input ->> 'licenseKey')`.as("licenseKey"),
        sql<string | null>`coalesce(licenses.client_name, operations.input ->> 'clientName')`.as(
          "clientName",
        ),
        sql<string | null>`coalesce(tenants.schema_name, operations.input ->> 'schema')`.as("schema"),
        "operations.parent_id as runId",
        sql<number>`greatest(0, ceil(extract(epoch from operations.available_at - now()) * 1000))::float8`.as(
          "delayMs",
        ),
      ])
      .where("operations.state", "in", ["queued", "running"])
      // A run has no job: its children have.
      .where("operations.children", "is", null)
  );
}

/** Operations that the queue has to hold a job for: those that wait, and those whose worker is dead. Oldest first. */
export async function operationsInNeed(
  ctx: TenancyContext,
  input: { readonly licenseKey: string | null; readonly limit: number },
): Promise<OutboxEntry[]> {
  const ago = (milliseconds: number) => sql<Date>`now() - ${milliseconds} * interval '1 millisecond'`;
  const { licenseKey, limit } = input;
  const wanted =
    licenseKey === null
      ? unfinished(ctx)
      : unfinished(ctx).where("licenses.key", "=", normalizeLicenseKey(licenseKey));
  return wanted
    .where((eb) =>
      eb.or([
        eb.and([
          eb("operations.state", "=", "queued"),
          eb("operations.available_at", "<", ago(JUST_ACCEPTED_MS)),
        ]),
        eb.and([
          eb("operations.state", "=", "running"),
          eb("operations.heartbeat_at", "<", ago(DEAD_WORKER_MS)),
        ]),
      ]),
    )
    .orderBy("operations.id")
    .limit(limit)
    .execute();
}

/** What the queue has to know of an operation that hasn't ended; null when it has. */
export async function jobEntry(ctx: TenancyContext, id: string): Promise<OutboxEntry | null> {
  return (await unfinished(ctx).where("operations.id", "=", id).executeTakeFirst()) ?? null;
}
