import type { ControlDatabase } from "@tenantry/schema";
import { sql } from "kysely";
import { TenancyError } from "../errors.ts";
import { isFinished } from "../operation-state.ts";
import type { LabelledOperationRow } from "../operation-view.ts";
import { assertNoOpenRun, lockFleet } from "./migrate-fleet.ts";

/**
 * Puts the tenants of an ended run that failed back, to be tried again with those that had no turn. The caller puts back its
 * operation.
 *
 * @throws TenancyError STATE_CONFLICT when it hasn't ended, nothing of it is left to do, or another run is under way.
 */
export async function retryFleet(transaction: ControlDatabase, row: LabelledOperationRow): Promise<void> {
  if (!isFinished(row.state)) {
    throw new TenancyError(
      "STATE_CONFLICT",
      `The run is ${row.state}; only one that has ended can be retried.`,
      {
        hint: `One that is paused goes on with \`tenantry fleet resume ${row.id}\`.`,
      },
    );
  }
  const { blueprint } = await transaction
    .selectFrom("fleet_runs")
    .select("blueprint")
    .where("operation_id", "=", row.id)
    .executeTakeFirstOrThrow();
  await lockFleet(transaction, blueprint);
  await assertNoOpenRun(transaction, blueprint, row.id);
  const { rows } = await sql<{ left: number; first: number | null }>`
    with again as (
      update tenantry.fleet_items
      set state = 'pending', error = null, ended_at = null, duration_ms = null
      where run_id = ${row.id} and state = 'failed'
      returning wave
    ), left_over as (
      select wave from again
      union all
      select wave from tenantry.fleet_items where run_id = ${row.id} and state = 'pending'
    )
    select count(*)::integer as left, min(wave) as first from left_over`.execute(transaction);
  const { left = 0, first = null } = rows[0] ?? {};
  if (left === 0 && row.state === "succeeded") {
    throw new TenancyError("STATE_CONFLICT", "No tenant of the run has failed; nothing is left to do.");
  }
  await transaction
    .updateTable("fleet_runs")
    .set({
      wave: first ?? 0,
      forgiven: 0,
      paused_at: null,
      pause_reason: null,
      pause_requested_at: null,
    })
    .where("operation_id", "=", row.id)
    .execute();
}
