import { randomUUIDv7 } from "node:crypto";
import { type ControlDatabase, SQLSTATE, sqlState } from "@tenantry/schema";
import type { TenancyContext } from "./context.ts";
import { beginDeletion } from "./deletion.ts";
import { TenancyError } from "./errors.ts";
import { assertKeyUnused, assertSameRequest, type Caller, orKeyReused } from "./idempotency.ts";
import { normalizeLicenseKey } from "./license-key.ts";
import { findEarlier, retryOperation } from "./operation-control.ts";
import { isFinished } from "./operation-state.ts";
import { type LabelledOperationRow, type Operation, toOperation } from "./operation-view.ts";
import { labelledOperations } from "./operations.ts";
import type { OutboxEntry } from "./outbox.ts";

export interface DeleteLicenseOutcome {
  readonly operation: Operation;
  /** True when the same request had been accepted before: nothing was done now. */
  readonly replayed: boolean;
  /**
   * What the queue has to do: ring for a new operation, ring again for one that was put back, or nothing, since the
   * deletion is under way already.
   */
  readonly bell: { readonly kind: "new"; readonly entry: OutboxEntry } | { readonly kind: "again" | "none" };
}

/**
 * Accepts the deletion of a license's tenant: out of use, sessions ended, operation queued, in one commit. The license's
 * record stays. Asked for again while it is under way, it answers with the operation that does it; one that got stuck
 * after it had begun to drop is put back.
 *
 * @throws TenancyError LICENSE_NOT_FOUND; STATE_CONFLICT while the tenant is being made or after it was deleted;
 * IDEMPOTENCY_KEY_REUSED.
 */
export async function deleteLicense(
  ctx: TenancyContext,
  input: { readonly licenseKey: string },
  caller: Caller,
): Promise<DeleteLicenseOutcome> {
  const key = normalizeLicenseKey(input.licenseKey);
  let accepted: Accepted;
  try {
    accepted = await ctx.control.transaction().execute((transaction) => accept(transaction, key, caller));
  } catch (error) {
    // The same idempotency key, at the same moment, for another license: its commit is what we collided with.
    const winner =
      sqlState(error) === SQLSTATE.uniqueViolation ? await findRepeated(ctx.control, caller) : null;
    if (winner === null) throw orKeyReused(error);
    accepted = winner;
  }
  if (accepted.kind !== "stuck") return accepted;
  // Here, outside the transaction: a retry locks the operation first, and the tenant after it.
  const { operation, replayed } = await retryOperation(ctx, accepted.operationId, caller);
  return { operation, replayed, bell: { kind: replayed ? "none" : "again" } };
}

type Accepted =
  | (DeleteLicenseOutcome & { readonly kind: "accepted" })
  | { readonly kind: "stuck"; readonly operationId: string };

async function accept(transaction: ControlDatabase, key: string, caller: Caller): Promise<Accepted> {
  const tenant = await transaction
    .selectFrom("tenants")
    .innerJoin("licenses", "licenses.id", "tenants.license_id")
    .select(["tenants.id", "tenants.license_id", "tenants.state", "tenants.schema_name"])
    .select(["licenses.key", "licenses.client_name"])
    .where("licenses.key", "=", key)
    .forUpdate("tenants")
    .executeTakeFirst();
  // Asked under the lock: the same request at the same moment has either committed by now or comes after us.
  const repeated = await findRepeated(transaction, caller);
  if (repeated !== null) return repeated;
  await assertKeyUnused(transaction, caller);
  if (tenant === undefined) throw new TenancyError("LICENSE_NOT_FOUND", "There is no license with that key.");
  if (tenant.state === "deleting") return underWay(transaction, tenant.id, caller);
  const operation = await insertOperation(transaction, tenant.license_id, caller);
  await beginDeletion(transaction, tenant, operation.id);
  const entry: OutboxEntry = {
    id: operation.id,
    kind: operation.kind,
    runId: null,
    licenseKey: tenant.key,
    clientName: tenant.client_name,
    schema: tenant.schema_name,
    delayMs: 0,
  };
  return { kind: "accepted", operation, replayed: false, bell: { kind: "new", entry } };
}

async function insertOperation(
  transaction: ControlDatabase,
  licenseId: string,
  caller: Caller,
): Promise<Operation> {
  const id = randomUUIDv7();
  await transaction
    .insertInto("operations")
    .values({
      id,
      kind: "delete-tenant",
      state: "queued",
      license_id: licenseId,
      api_key_id: caller.apiKeyId,
      idempotency_key: caller.idempotency?.key ?? null,
      request_hash: caller.idempotency?.requestHash ?? null,
      message: "Waiting for a worker",
      input: "{}",
    })
    .execute();
  await transaction
    .insertInto("operation_events")
    .values({ operation_id: id, type: "accepted", actor: caller.actor })
    .execute();
  const operation = toOperation(await readOperation(transaction, id));
  await transaction
    .updateTable("operations")
    .set({ answer: JSON.stringify(operation) })
    .where("id", "=", id)
    .execute();
  return operation;
}

function readOperation(transaction: ControlDatabase, id: string): Promise<LabelledOperationRow> {
  return labelledOperations(transaction).where("operations.id", "=", id).executeTakeFirstOrThrow();
}

/** The operation that deletes the tenant already. */
async function underWay(transaction: ControlDatabase, tenantId: string, caller: Caller): Promise<Accepted> {
  const { operation_id } = await transaction
    .selectFrom("deletions")
    .select("operation_id")
    .where("tenant_id", "=", tenantId)
    .orderBy("operation_id", "desc")
    .executeTakeFirstOrThrow();
  const operation = toOperation(await readOperation(transaction, operation_id));
  if (isFinished(operation.state)) return { kind: "stuck", operationId: operation_id };
  if (caller.idempotency !== null) {
    await transaction
      .insertInto("operation_events")
      .values({
        operation_id,
        type: "accepted",
        actor: caller.actor,
        answer: JSON.stringify(operation),
        api_key_id: caller.apiKeyId,
        idempotency_key: caller.idempotency.key,
        request_hash: caller.idempotency.requestHash,
      })
      .execute();
  }
  return { kind: "accepted", operation, replayed: false, bell: { kind: "none" } };
}

/** The first answer to a request that is repeated. */
async function findRepeated(control: ControlDatabase, caller: Caller): Promise<Accepted | null> {
  if (caller.idempotency === null || caller.apiKeyId === null) return null;
  const bell = { kind: "none" } as const;
  const earlier = await findEarlier(control, caller);
  if (earlier !== null) return { kind: "accepted", ...earlier, bell };
  const operation = await control
    .selectFrom("operations")
    .select(["request_hash", "answer"])
    .where("api_key_id", "=", caller.apiKeyId)
    .where("idempotency_key", "=", caller.idempotency.key)
    .executeTakeFirst();
  if (operation === undefined) return null;
  assertSameRequest(operation.request_hash, caller.idempotency);
  return { kind: "accepted", operation: operation.answer as Operation, replayed: true, bell };
}
