import { sql } from "kysely";
import { PAUSED_STEP } from "../claim.ts";
import type { TenancyContext } from "../context.ts";
import type { ErrorCode } from "../errors.ts";
import type { Caller } from "../idempotency.ts";
import { retryOperation } from "../operation-control.ts";
import { type LabelledOperationRow, type Operation, toOperation } from "../operation-view.ts";
import { labelledOperations } from "../operations.ts";
import { type Finding, type Fix, ok, problem } from "./finding.ts";
import { DEAD_WORKER_MS } from "./operations-in-need.ts";

/** Work that waits longer than this ought to have been taken. Milliseconds. */
const LONG_WAIT_MS = 60_000;
/** Rows looked at, and named, at most. */
const LOOK_AT = 200;
const NAME = 10;
/** Errors that say no to a request, rather than that something is broken. */
const REFUSALS: readonly ErrorCode[] = ["VALIDATION_FAILED", "LICENSE_NOT_FOUND", "STATE_CONFLICT"];

/** Puts an operation back on the queue; the doctor's own package has none. */
export type Announce = (operationId: string) => Promise<void>;

/** Does accepted work get done? */
export async function checkWaiting(ctx: TenancyContext): Promise<Finding> {
  const row = await ctx.control
    .selectFrom("operations")
    .select([
      sql<string>`count(*)`.as("waiting"),
      sql<Date | null>`min(available_at)`.as("oldest"),
      sql<boolean>`coalesce(min(available_at) < now() - ${LONG_WAIT_MS} * interval '1 millisecond', false)`.as(
        "long",
      ),
      // A run may have thousands waiting, and all in order: somebody works them off.
      sql<boolean>`exists (
        select from tenantry.operations busy
        where busy.state = 'running' and busy.heartbeat_at > now() - ${DEAD_WORKER_MS} * interval '1 millisecond'
      )`.as("busy"),
    ])
    .where("state", "=", "queued")
    // One that is paused waits for somebody's word, not for a worker.
    .where("step", "!=", PAUSED_STEP)
    .executeTakeFirstOrThrow();
  const oldest = row.oldest?.toISOString();
  if (!row.long || row.busy) {
    const workers = row.long ? "; workers are busy with others" : "";
    return ok(
      "waiting",
      row.waiting === "0"
        ? "No operation waits"
        : `${row.waiting} waiting, the oldest since ${oldest}${workers}`,
    );
  }
  return problem(
    "waiting",
    `${row.waiting} operations wait for a worker, the oldest since ${oldest}`,
    "Start a worker: `tenantry up`.",
  );
}

/** Does somebody still work on what is marked as running? */
export async function checkDeadWorkers(ctx: TenancyContext, announce: Announce): Promise<Finding[]> {
  const rows = await labelledOperations(ctx.control)
    .where("operations.state", "=", "running")
    .where("operations.heartbeat_at", "<", sql<Date>`now() - ${DEAD_WORKER_MS} * interval '1 millisecond'`)
    .orderBy("operations.id")
    .limit(LOOK_AT)
    .execute();
  if (rows.length === 0) return [ok("workers", "Every running operation's worker gives signs of life")];
  return rows.map((row) => deadWorkerFinding("workers", row, announce));
}

export function deadWorkerFinding(check: string, row: LabelledOperationRow, announce: Announce): Finding {
  return problem(
    check,
    `Operation ${row.id}${ofLicense(row)} is marked as running, but its worker ${row.worker} has been silent since ${row.heartbeat_at?.toISOString()}`,
    `Have it taken over: \`tenantry operation watch ${row.id}\`.`,
    {
      describe: `Have operation ${row.id} taken over by another worker`,
      asks: false,
      apply: async () => {
        await announce(row.id);
        return { operationIds: [row.id] };
      },
    },
  );
}

/** Which operations failed and were left at that? */
export async function checkFailed(
  ctx: TenancyContext,
  caller: Caller,
  announce: Announce,
): Promise<Finding[]> {
  const rows = await labelledOperations(ctx.control)
    .leftJoin("tenants", "tenants.license_id", "operations.license_id")
    .where("operations.state", "=", "failed")
    // A run's child that was refused is that run's result, and not to be mended here.
    .where((eb) =>
      eb.or([
        eb("operations.parent_id", "is", null),
        sql<boolean>`operations.error ->> 'code' not in (${sql.join(REFUSALS)})`,
      ]),
    )
    // What became of a tenant that is gone needs no mending.
    .where((eb) => eb.or([eb("tenants.state", "is", null), eb("tenants.state", "!=", "deleted")]))
    .orderBy("operations.id", "desc")
    .limit(NAME + 1)
    .execute();
  if (rows.length === 0) return [ok("failures", "No operation stands as failed")];
  const findings = rows.slice(0, NAME).map((row) => failedFinding(ctx, toOperation(row), caller, announce));
  if (rows.length > NAME) {
    findings.push(
      problem(
        "failures",
        `More than ${NAME} operations failed`,
        "See them all: `tenantry operation list --state failed`.",
      ),
    );
  }
  return findings;
}

export function failedFinding(
  ctx: TenancyContext,
  operation: Operation,
  caller: Caller,
  announce: Announce,
): Finding {
  const { id, kind, error } = operation;
  // Nobody's data goes because somebody let the doctor mend things.
  const fix =
    kind === "delete-tenant" || kind === "restore" ? {} : { fix: retryFix(ctx, id, caller, announce) };
  const license = operation.licenseKey === undefined ? "" : ` for license ${operation.licenseKey}`;
  return {
    ...problem(
      "failures",
      `Operation ${id} (${kind}${license}) failed: ${error?.code}: ${error?.detail}`,
      retryRemedy(id, error?.hint ?? ""),
    ),
    ...fix,
  };
}

export function retryFix(ctx: TenancyContext, id: string, caller: Caller, announce: Announce): Fix {
  return {
    describe: `Retry operation ${id}`,
    asks: true,
    apply: async () => {
      await retryOperation(ctx, id, caller);
      await announce(id);
      return { operationIds: [id] };
    },
  };
}

/** The error's own hint with the operation's id in it; a hint that says nothing of a retry gets it added. */
function retryRemedy(id: string, hint: string): string {
  const command = "tenantry operation retry";
  return hint.includes(`\`${command}\``)
    ? hint.replace(`\`${command}\``, `\`${command} ${id}\``)
    : `${hint} Then run \`${command} ${id}\`.`.trim();
}

function ofLicense(row: LabelledOperationRow): string {
  return row.license_key === null ? "" : ` (${row.kind}, license ${row.license_key})`;
}
