import type { ControlDatabase } from "@tenantry/schema";
import { sql } from "kysely";
import { type Claim, underClaim } from "./claim.ts";
import type { TenancyContext } from "./context.ts";
import type { OperationProgress } from "./operation-view.ts";
import type { OperationWork, WorkResult } from "./operation-work.ts";

/**
 * Ends an operation well, with all that `conclude` writes, in one commit; or writes nothing when the claim is lost.
 */
export async function succeed(
  ctx: TenancyContext,
  work: OperationWork,
  end: { readonly last: OperationProgress; readonly result: object },
  conclude: (transaction: ControlDatabase) => Promise<void>,
): Promise<WorkResult> {
  const { last, result } = end;
  return ctx.control.transaction().execute(async (transaction) => {
    const done = await underClaim({ ...ctx, control: transaction }, work.claim)
      .set({
        ...last,
        state: "succeeded",
        finished_at: sql<Date>`now()`,
        result: JSON.stringify(result),
      })
      .returning("worker")
      .executeTakeFirst();
    if (done === undefined) return { kind: "superseded" };
    await conclude(transaction);
    await transaction
      .insertInto("operation_events")
      .values({ operation_id: work.claim.operationId, type: "succeeded", actor: `worker:${done.worker}` })
      .execute();
    return { kind: "succeeded", last };
  });
}

/** True when the claim still holds; keeps it so until the transaction's end. */
export async function holdClaim(
  ctx: TenancyContext,
  transaction: ControlDatabase,
  claim: Claim,
): Promise<boolean> {
  const held = await underClaim({ ...ctx, control: transaction }, claim)
    .set({ heartbeat_at: sql<Date>`now()` })
    .executeTakeFirst();
  return held.numUpdatedRows > 0n;
}
