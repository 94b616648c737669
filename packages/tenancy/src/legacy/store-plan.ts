import { randomUUIDv7 } from "node:crypto";
import type { ControlDatabase, LegacyForesight, SchemaNaming } from "@tenantry/schema";
import { sql } from "kysely";
import { claimStanding, underClaim } from "../claim.ts";
import type { TenancyContext } from "../context.ts";
import type { OperationProgress } from "../operation-view.ts";
import type { OperationWork, WorkResult } from "../operation-work.ts";
import { insertChildren, type NewChild } from "../run.ts";
import { countRows } from "./legacy-item.ts";
import { likelySchemaName } from "./legacy-schema-name.ts";
import { estimateSeconds } from "./pace.ts";
import type { PlannedItem, RunPlan } from "./planned-item.ts";
import { isPassing } from "./source-trouble.ts";

/** Items for one INSERT: their descriptions are some 30 KB each. */
const ITEMS_AT_ONCE = 100;

/** What a dry run says as a whole; its items say it of each license. */
export interface DryRunResult {
  readonly dryRun: true;
  readonly licenses: number;
  readonly foresight: Readonly<Record<LegacyForesight, number>>;
  /** Rows of the licenses that would be imported. */
  readonly rows: number;
  /** By what imports took here lately. */
  readonly estimatedSeconds: number;
  readonly findings: number;
}

/**
 * Keeps a plan under the claim, in place of an earlier one, in one commit: a dry run ends with it; otherwise the operation
 * becomes a run with a child for each license, and no worker's any more.
 */
export async function storePlan(
  ctx: TenancyContext,
  work: OperationWork,
  plan: RunPlan,
): Promise<WorkResult> {
  const { dryRun } = plan.input;
  const result = dryRun ? await dryRunResult(ctx, plan) : null;
  const last = lastProgress(plan, result);
  const stored = await ctx.control.transaction().execute(async (transaction) => {
    const held = await underClaim({ ...ctx, control: transaction }, work.claim)
      .where("cancel_requested_at", "is", null)
      .set({
        ...(result === null
          ? { children: 0, worker: null, heartbeat_at: null, step: "moving licenses" }
          : {
              ...last,
              state: "succeeded" as const,
              finished_at: sql<Date>`now()`,
              result: JSON.stringify(result),
            }),
      })
      .executeTakeFirst();
    if (held.numUpdatedRows === 0n) return false;
    const runId = work.operation.id;
    await replacePlan(transaction, runId, plan);
    if (dryRun) {
      await insertItems(transaction, runId, plan.items, null);
      await transaction
        .insertInto("operation_events")
        .values({ operation_id: runId, type: "succeeded", actor: `worker:${work.operation.worker}` })
        .execute();
    } else {
      const actor = await acceptedBy(transaction, runId);
      const { schemaNaming } = plan.known.blueprint.blueprint;
      const toDo = plan.items.map((item, position) => toChild(item, position, schemaNaming));
      const children = await insertChildren(transaction, runId, toDo, actor);
      await insertItems(transaction, runId, plan.items, children);
    }
    return true;
  });
  if (stored) return dryRun ? { kind: "succeeded", last } : { kind: "handed-on", last };
  const standing = await claimStanding(ctx, work.claim);
  return { kind: standing === "cancel-requested" ? "canceled" : "superseded" };
}

function lastProgress({ items }: RunPlan, result: DryRunResult | null): OperationProgress {
  const licenses = items.length === 1 ? "1 license" : `${items.length} licenses`;
  const message = result === null ? `${licenses} to move` : `Planned ${licenses}; nothing was moved`;
  return { percent: 100, step: "planned", message, done: items.length, total: items.length };
}

async function dryRunResult(ctx: TenancyContext, { items, findings }: RunPlan): Promise<DryRunResult> {
  const foresight = { import: 0, create: 0, skip: 0, refuse: 0 };
  for (const item of items) foresight[item.foresight] += 1;
  const rows = items.reduce((sum, item) => sum + rowsOf(item), 0);
  return {
    dryRun: true,
    licenses: items.length,
    foresight,
    rows,
    estimatedSeconds: await estimateSeconds(ctx, { rows, tenants: foresight.import + foresight.create }),
    findings: findings.length,
  };
}

async function replacePlan(transaction: ControlDatabase, runId: string, plan: RunPlan): Promise<void> {
  await transaction.deleteFrom("legacy_items").where("run_id", "=", runId).execute();
  const row = {
    blueprint: plan.known.blueprint.blueprint.name,
    root: plan.root,
    findings: JSON.stringify(plan.findings),
    planned_at: plan.now,
  };
  await transaction
    .insertInto("legacy_runs")
    .values({ operation_id: runId, ...row })
    .onConflict((again) => again.column("operation_id").doUpdateSet(row))
    .execute();
}

export async function acceptedBy(control: ControlDatabase, operationId: string): Promise<string> {
  const event = await control
    .selectFrom("operation_events")
    .select("actor")
    .where("operation_id", "=", operationId)
    .where("type", "=", "accepted")
    .executeTakeFirstOrThrow();
  return event.actor;
}

/** One that can't be read is on record as failed from the start; done again, it reads anew. */
function toChild(item: PlannedItem, position: number, naming: SchemaNaming): NewChild {
  const failed = item.error !== null && (item.refused || isUnread(item)) && !isPassing(item.error.code);
  return {
    kind: "migrate-legacy",
    licenseId: null,
    input: {
      item: position,
      clientName: item.clientName,
      ...labels(item, naming),
    },
    ...(failed && item.error !== null ? { error: item.error } : {}),
  };
}

/** What the queue shows of it before its license is there. */
function labels({ licenseKey, facts }: PlannedItem, naming: SchemaNaming): Record<string, string> {
  if (licenseKey === null) return {};
  const schema = likelySchemaName(naming, { key: licenseKey, wanted: facts?.schema ?? null });
  return { licenseKey, ...(schema === null ? {} : { schema }) };
}

function isUnread(item: PlannedItem): boolean {
  return item.file !== null && item.description === null && item.foresight === "refuse";
}

async function insertItems(
  transaction: ControlDatabase,
  runId: string,
  items: readonly PlannedItem[],
  children: readonly string[] | null,
): Promise<void> {
  // Lists go by id: in the order of the source.
  const ids = items.map(() => randomUUIDv7()).sort();
  const rows = items.map((item, position) => ({
    id: ids[position] ?? "",
    run_id: runId,
    position,
    operation_id: children?.[position] ?? null,
    name: item.name,
    source: item.source,
    license_key: item.licenseKey,
    client_name: item.clientName,
    facts: json(item.facts),
    admin_password_hash: item.adminPasswordHash,
    kept: item.kept.length === 0 ? null : json(item.kept),
    file: item.file,
    sha256: item.description?.sha256 ?? null,
    bytes: item.description?.bytes ?? null,
    // A plan that nobody carries out is for people alone.
    description: children === null ? null : json(item.description),
    foresight: item.foresight,
    planned: json(item.planned),
    rows_planned: rowsOf(item),
    error: json(item.error),
    refused: item.refused,
    notes: JSON.stringify(item.notes),
  }));
  for (let from = 0; from < rows.length; from += ITEMS_AT_ONCE) {
    await transaction
      .insertInto("legacy_items")
      .values(rows.slice(from, from + ITEMS_AT_ONCE))
      .execute();
  }
}

function json(value: object | null): string | null {
  return value === null ? null : JSON.stringify(value);
}

function rowsOf({ planned }: PlannedItem): number {
  return planned === null ? 0 : countRows(planned.tables, ({ rows }) => rows);
}
