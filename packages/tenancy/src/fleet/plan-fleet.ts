import type { CompiledBlueprint } from "@tenantry/schema";
import { versionCount } from "@tenantry/schema";
import { sql } from "kysely";
import type { Claim } from "../claim.ts";
import type { TenancyContext } from "../context.ts";
import { holdClaim } from "../succeed-operation.ts";
import type { FleetMigrationInput } from "./fleet-request.ts";
import type { FleetRun } from "./load-run.ts";
import { type Amount, amountOf, waveSizes } from "./waves.ts";

/**
 * Writes down which tenants a run is about, each with its wave: those that are behind now. The first wave are those that
 * were named, or as many as were asked for; within that the order is by chance, the same whenever it is asked.
 *
 * @returns the waves' sizes; null when the claim is lost.
 */
export async function planFleet(
  ctx: TenancyContext,
  claim: Claim,
  run: FleetRun,
  compiled: CompiledBlueprint,
): Promise<readonly number[] | null> {
  const { licenseKeys, canary } = run.input;
  const named = Array.isArray(canary) ? (canary as readonly string[]) : [];
  const older = compiled.migrations.slice(0, versionCount(compiled, run.version) - 1).map(({ name }) => name);
  return ctx.control.transaction().execute(async (transaction) => {
    if (!(await holdClaim(ctx, transaction, claim))) return null;
    // The registry's index answers: a fleet that is current costs one look, and no tenant is touched.
    const behind = sql`
      select tenants.id, tenants.version, licenses.key = any(${named}::text[]) as named
      from tenantry.tenants
      join tenantry.licenses on licenses.id = tenants.license_id
      where tenants.state = 'ready' and tenants.blueprint = ${run.blueprint}
        and tenants.version = any(${older}::text[])
        and (${licenseKeys === null} or licenses.key = any(${licenseKeys ?? []}::text[]))`;
    const { rows } = await sql<{ total: number; named: number }>`
      select count(*)::integer as total, count(*) filter (where named)::integer as named
      from (${behind}) as behind`.execute(transaction);
    const { total = 0, named: first = 0 } = rows[0] ?? {};
    const waves = waveSizes(total, firstWave(run.input, total, first), run.growth);
    // The places, counted from 1, that the second wave and those after it begin with.
    const begins = waves.map((_, wave) => waves.slice(0, wave).reduce((sum, size) => sum + size, 1)).slice(1);
    await sql`
      insert into tenantry.fleet_items (run_id, tenant_id, wave, from_version)
      select ${run.id}::uuid, id, width_bucket(position::integer, ${begins}::integer[]), version
      from (
        select *, row_number() over (order by named desc, md5(id::text || ${run.id}::text)) as position
        from (${behind}) as behind
      ) as placed`.execute(transaction);
    await transaction
      .updateTable("fleet_runs")
      .set({ waves: [...waves] })
      .where("operation_id", "=", run.id)
      .execute();
    return waves;
  });
}

function firstWave({ canary }: FleetMigrationInput, total: number, named: number): number {
  return Array.isArray(canary) ? named : amountOf(canary as Amount, total);
}
