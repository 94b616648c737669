import type { LegacyOutcome } from "@tenantry/schema";
import { sql } from "kysely";
import type { Claim } from "../claim.ts";
import type { TenancyContext } from "../context.ts";
import type { OperationProgress } from "../operation-view.ts";
import type { WorkResult } from "../operation-work.ts";
import type { Moving } from "./moving.ts";

/** What a finished operation says of the license that it moved. */
export interface MoveLicenseResult {
  readonly licenseKey: string;
  /** Null for one that was skipped. */
  readonly schema: string | null;
  readonly outcome: LegacyOutcome;
  /** Rows that the tenant got out of the license's file. */
  readonly rows: number;
  readonly quarantined: number;
  readonly tables: number;
}

export interface Ending {
  readonly result: MoveLicenseResult;
  readonly licenseId: string;
  /** The blueprint's version that the tenant has; null when it isn't this operation's. */
  readonly version: string | null;
  readonly message: string;
  readonly notes: readonly string[];
}

/**
 * Tenant ready, item and operation done: one statement, or nothing when the claim is lost. What only the move needed is
 * taken out: the admin's hash, kept rows, and the file's description, unless rows wait in quarantine to be read by it.
 */
export async function finishItem(
  ctx: TenancyContext,
  claim: Claim,
  { item }: Moving,
  { result, licenseId, version, message, notes }: Ending,
): Promise<WorkResult> {
  const last: OperationProgress = {
    percent: 100,
    step: result.outcome,
    message,
    done: result.rows,
    total: result.rows,
  };
  const done = await sql`
    with done as (
      update tenantry.operations set
        state = 'succeeded', finished_at = now(), license_id = ${licenseId}::uuid, percent = 100,
        step = ${last.step}, message = ${message}, done = ${result.rows}::bigint, total = ${result.rows}::bigint,
        result = ${JSON.stringify(result)}::jsonb
      where id = ${claim.operationId} and attempts = ${claim.attempt} and state = 'running'
      returning id, worker
    ), tenant as (
      update tenantry.tenants set state = 'ready', version = ${version}, ready_at = now()
      from done
      where ${version}::text is not null and tenants.license_id = ${licenseId}::uuid and tenants.state = 'provisioning'
    ), license as (
      update tenantry.licenses set admin_password_hash = null
      from done
      where ${version}::text is not null and licenses.id = ${licenseId}::uuid and admin_password_hash is not null
    ), item as (
      update tenantry.legacy_items set
        outcome = ${result.outcome}, rows_done = ${result.rows}::bigint, quarantined = ${result.quarantined}::bigint,
        notes = ${JSON.stringify(notes)}::jsonb, error = null, admin_password_hash = null, kept = null,
        description = case when ${result.quarantined}::bigint > 0 then description end
      from done
      where legacy_items.id = ${item.id}::uuid
    )
    insert into tenantry.operation_events (operation_id, type, actor)
    select id, 'succeeded', 'worker:' || worker from done`.execute(ctx.control);
  return (done.numAffectedRows ?? 0n) > 0n ? { kind: "succeeded", last } : { kind: "superseded" };
}
