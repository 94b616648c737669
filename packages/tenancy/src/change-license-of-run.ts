import { sql } from "kysely";
import type { ChangeRunInput } from "./change-licenses.ts";
import type { BulkChange } from "./change-licenses-request.ts";
import { underClaim } from "./claim.ts";
import type { TenancyContext } from "./context.ts";
import { TenancyError } from "./errors.ts";
import type { Caller } from "./idempotency.ts";
import { extendLicense, type LicenseChange, resumeLicense, suspendLicense } from "./license-changes.ts";
import type { LicenseStatus } from "./license-status.ts";
import type { ChildInput } from "./operation-view.ts";
import type { OperationHandler } from "./operation-work.ts";

/** What a finished change-license operation says of the license. */
export interface ChangeLicenseResult {
  readonly licenseKey: string;
  readonly status: LicenseStatus;
  readonly expiresAt: string | null;
}

/**
 * Changes one license of a run. The change, its place in the license's history and the operation's end are one commit
 * under the claim, so a second performance finds it done or undone, never half: nobody's days are added twice.
 */
export const changeLicenseOfRun: OperationHandler = async (ctx, { operation, claim }) => {
  const { licenseKey } = operation.input as unknown as ChildInput;
  const run = await readRun(ctx, operation.parent_id);
  if (run === undefined || licenseKey === undefined) {
    throw new Error(`operation ${operation.id} has no run that says what to change`);
  }
  return ctx.control.transaction().execute(async (control) => {
    const inside: TenancyContext = { ...ctx, control };
    // The operation stays locked until the commit: from here on nobody can take it over.
    const held = await underClaim(inside, claim)
      .set({ heartbeat_at: sql<Date>`now()` })
      .returning("cancel_requested_at")
      .executeTakeFirst();
    if (held === undefined) return { kind: "superseded" };
    if (held.cancel_requested_at !== null) return { kind: "canceled" };
    const caller: Caller = { actor: run.actor, apiKeyId: null, idempotency: null };
    const { license } = await apply(inside, licenseKey, run.change, caller);
    const result: ChangeLicenseResult = {
      licenseKey: license.key,
      status: license.status,
      expiresAt: license.expiresAt,
    };
    await underClaim(inside, claim)
      .set({
        state: "succeeded",
        finished_at: sql<Date>`now()`,
        percent: 100,
        step: "done",
        message: `License ${license.key} is ${license.status}`,
        result: JSON.stringify(result),
      })
      .execute();
    await control
      .insertInto("operation_events")
      .values({ operation_id: operation.id, type: "succeeded", actor: `worker:${operation.worker}` })
      .execute();
    return { kind: "succeeded" };
  });
};

async function readRun(ctx: TenancyContext, id: string | null): Promise<ChangeRunInput | undefined> {
  const run = await ctx.control
    .selectFrom("operations")
    .select("input")
    .where("id", "=", id)
    .executeTakeFirst();
  return run?.input as ChangeRunInput | undefined;
}

function apply(ctx: TenancyContext, key: string, change: BulkChange, caller: Caller): Promise<LicenseChange> {
  const { verb, days, reason } = change;
  const why = reason === undefined ? {} : { reason };
  switch (verb) {
    case "suspend":
      if (reason === undefined) throw incomplete(verb);
      return suspendLicense(ctx, key, { reason }, caller);
    case "resume":
      return resumeLicense(ctx, key, why, caller);
    case "extend":
      if (days === undefined) throw incomplete(verb);
      return extendLicense(ctx, key, { days, ...why }, caller);
  }
}

function incomplete(verb: string): TenancyError {
  return new TenancyError("INTERNAL", `The run doesn't say how to ${verb}.`);
}
