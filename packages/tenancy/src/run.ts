import { randomUUIDv7 } from "node:crypto";
import {
  CONTROL_SCHEMA,
  type ControlDatabase,
  type OperationKind,
  SQLSTATE,
  sqlState,
} from "@tenantry/schema";
import { sql } from "kysely";
import type { TenancyContext } from "./context.ts";
import type { StoredError } from "./errors.ts";
import { assertSameRequest, type Caller, orKeyReused } from "./idempotency.ts";
import { type ChildInput, type Operation, toOperation } from "./operation-view.ts";
import { labelledOperations } from "./operations.ts";

/**
 * A run is an operation whose work is done by others, its children. It has no job and no worker: it runs from its
 * acceptance, and the database ends it with its last child (control migration 0006). That some children fail is a
 * result like another: the run has succeeded when all have ended.
 */
export interface NewRun {
  readonly kind: OperationKind;
  /** What it does, for whoever looks at its progress. */
  readonly step: string;
  /** Nothing secret. */
  readonly input: Record<string, unknown>;
}

export interface NewChild {
  readonly kind: OperationKind;
  readonly licenseId: string | null;
  /** Nothing secret. */
  readonly input: ChildInput & Record<string, unknown>;
  /** Of one that can't be done: it is on record as failed from the start. */
  readonly error?: StoredError;
  /** Not to begin before so many milliseconds have passed. */
  readonly delayMs?: number;
}

export interface RunAnswer {
  readonly operation: Operation;
}

export interface RunOutcome {
  readonly answer: RunAnswer;
  /** True when the same request had been accepted before: nothing was done now. */
  readonly replayed: boolean;
}

/**
 * Accepts a run with all its children in one commit. The caller has the children enqueued.
 *
 * @param makeChildren Inserts in the same transaction what the children are about.
 * @param conclude The same, for what has to name the children: told the run's id, and theirs in the order of `makeChildren`.
 * @throws TenancyError IDEMPOTENCY_KEY_REUSED when the caller's key was used for another request.
 */
export async function acceptRun(
  ctx: TenancyContext,
  run: NewRun,
  caller: Caller,
  makeChildren: (transaction: ControlDatabase) => Promise<readonly NewChild[]>,
  conclude?: (transaction: ControlDatabase, runId: string, childIds: readonly string[]) => Promise<void>,
): Promise<RunOutcome> {
  try {
    return await ctx.control.transaction().execute(async (transaction) => {
      // The run comes first: of equal requests at the same moment one inserts it, and the others wait for that commit.
      const id = await insertRun(transaction, run, caller);
      const childIds = await insertChildren(transaction, id, await makeChildren(transaction), caller.actor);
      await conclude?.(transaction, id, childIds);
      const row = await labelledOperations(transaction)
        .where("operations.id", "=", id)
        .executeTakeFirstOrThrow();
      const answer: RunAnswer = { operation: toOperation(row) };
      await transaction
        .updateTable("operations")
        .set({ answer: JSON.stringify(answer) })
        .where("id", "=", id)
        .execute();
      return { answer, replayed: false };
    });
  } catch (error) {
    const winner = sqlState(error) === SQLSTATE.uniqueViolation ? await findAcceptedRun(ctx, caller) : null;
    if (winner === null) throw orKeyReused(error);
    return winner;
  }
}

/**
 * The first answer to a request for a run that is repeated, or null. To be asked before the request is looked at: it
 * costs less, and what was good when it was accepted needn't be good any more.
 *
 * @throws TenancyError IDEMPOTENCY_KEY_REUSED when the caller's key was used for another request.
 */
export async function findAcceptedRun(ctx: TenancyContext, caller: Caller): Promise<RunOutcome | null> {
  if (caller.idempotency === null || caller.apiKeyId === null) return null;
  const operation = await ctx.control
    .selectFrom("operations")
    .select(["request_hash", "answer"])
    .where("api_key_id", "=", caller.apiKeyId)
    .where("idempotency_key", "=", caller.idempotency.key)
    .executeTakeFirst();
  if (operation === undefined) return null;
  assertSameRequest(operation.request_hash, caller.idempotency);
  return { answer: operation.answer as RunAnswer, replayed: true };
}

async function insertRun(transaction: ControlDatabase, run: NewRun, caller: Caller): Promise<string> {
  const id = randomUUIDv7();
  const now = new Date();
  await transaction
    .with("run", (db) =>
      db.insertInto("operations").values({
        id,
        kind: run.kind,
        state: "running",
        children: 0,
        step: run.step,
        input: JSON.stringify(run.input),
        api_key_id: caller.apiKeyId,
        idempotency_key: caller.idempotency?.key ?? null,
        request_hash: caller.idempotency?.requestHash ?? null,
        created_at: now,
        started_at: now,
      }),
    )
    .insertInto("operation_events")
    .values({ operation_id: id, type: "accepted", actor: caller.actor })
    .execute();
  return id;
}

/**
 * Gives a run its children. One statement for any number: the run's counters change once, and it can't end before the last
 * is there. Returns their ids, in the order given.
 */
export async function insertChildren(
  transaction: ControlDatabase,
  runId: string,
  children: readonly NewChild[],
  actor: string,
): Promise<readonly string[]> {
  const schema = sql.id(CONTROL_SCHEMA);
  if (children.length === 0) {
    await sql`select ${schema}.settle_run(${runId}, 0, 0, 0, 0)`.execute(transaction);
    return [];
  }
  // Lists go by id: in the order of the request.
  const ids = children.map(() => randomUUIDv7()).sort();
  const rows = children.map(({ kind, licenseId, input, error, delayMs }, index) => ({
    id: ids[index],
    kind,
    license_id: licenseId,
    input,
    error: error ?? null,
    delay: delayMs ?? 0,
  }));
  await sql`
    with child as (
      select *, error is not null as refused
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        as given (id uuid, kind text, license_id uuid, input jsonb, error jsonb, delay bigint)
    ), operation as (
      insert into ${schema}.operations
        (id, kind, state, license_id, parent_id, input, step, message, error, finished_at, available_at)
      select id, kind, case when refused then 'failed' else 'queued' end, license_id, ${runId}::uuid, input,
        case when refused then 'refused' else 'queued' end,
        case when refused then error ->> 'detail' else 'Waiting for a worker' end,
        error, case when refused then now() end, now() + delay * interval '1 millisecond'
      from child
    )
    insert into ${schema}.operation_events (operation_id, type, actor, data)
    select id, 'accepted', ${actor}::text, '{}'::jsonb from child
    union all
    select id, 'failed', ${actor}::text, jsonb_build_object('error', error) from child where refused`.execute(
    transaction,
  );
  return ids;
}
