import {
  type CompiledBlueprint,
  isConnectionLoss,
  type Rehearsal,
  rehearseUpgrade,
  sqlState,
} from "@tenantry/schema";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import { placementOf } from "../placement.ts";
import { chooseSample, measured, type SampledTenant } from "./choose-sample.ts";
import { assertChoice, chosenTenants, type FleetChoice } from "./chosen-tenants.ts";
import { type RehearsalSum, sumUp } from "./sum-up-rehearsals.ts";

export const DEFAULT_SAMPLE = 5;

/** A tenant's queries wait for as long as one migration holds its locks, so a rehearsal gives up soon. */
const PATIENCE = { lockTimeoutMs: 1_000, statementTimeoutMs: 10_000, totalTimeoutMs: 30_000 };

export interface DryRunInput extends FleetChoice {
  /** How many tenants of each blueprint, where none are named; 5 by default. */
  readonly sample?: number;
}

/** The rehearsal of one tenant's upgrade. */
export interface RehearsedTenant {
  readonly licenseKey: string;
  readonly schema: string;
  readonly placement: string;
  readonly blueprint: string;
  /** The version that it would get. */
  readonly to: string;
  /** What its tables take on disk. */
  readonly bytes: number;
  readonly rehearsal: Rehearsal | { readonly kind: "failed"; readonly reason: string };
}

export interface DryRun {
  readonly tenants: readonly RehearsedTenant[];
  /** One for each blueprint that a tenant of was rehearsed. */
  readonly sums: readonly RehearsalSum[];
}

/**
 * Runs the upgrade of some real tenants, one after the other, each in a transaction that is rolled back: see
 * `rehearseUpgrade`. A sample is spread over versions, and has large tenants in it.
 *
 * @param onTenant told as each is done
 * @throws TenancyError when what was named isn't there: see `assertChoice`
 */
export async function dryRunUpgrade(
  ctx: TenancyContext,
  input: DryRunInput,
  onTenant: (tenant: RehearsedTenant) => void = () => undefined,
): Promise<DryRun> {
  await assertChoice(ctx, input);
  const tenants: RehearsedTenant[] = [];
  for (const tenant of await chooseTenants(ctx, input)) {
    const compiled = ctx.blueprints.get(tenant.blueprint);
    if (compiled === undefined) continue;
    const done = await rehearseOne(ctx, tenant, compiled);
    tenants.push(done);
    onTenant(done);
  }
  return { tenants, sums: sumUp(tenants) };
}

async function chooseTenants(ctx: TenancyContext, input: DryRunInput): Promise<SampledTenant[]> {
  if (input.licenseKeys !== undefined) {
    const named: SampledTenant[] = [];
    for await (const tenant of chosenTenants(ctx, input)) named.push(...(await measured(ctx, [tenant])));
    return named;
  }
  const sampled: SampledTenant[] = [];
  for (const { blueprint, version } of ctx.blueprints.values()) {
    if (input.blueprint !== undefined && blueprint.name !== input.blueprint) continue;
    const size = input.sample ?? DEFAULT_SAMPLE;
    sampled.push(...(await chooseSample(ctx, { blueprint: blueprint.name, version, size })));
  }
  return sampled;
}

async function rehearseOne(
  ctx: TenancyContext,
  tenant: SampledTenant,
  compiled: CompiledBlueprint,
): Promise<RehearsedTenant> {
  const { licenseKey, schema, role, placement, blueprint, bytes } = tenant;
  const base = { licenseKey, schema, placement, blueprint, to: compiled.version, bytes };
  try {
    const { provisioning } = await placementOf(ctx, tenant);
    const rehearsal = await rehearseUpgrade(provisioning, {
      tenantId: tenant.id,
      schema,
      role,
      blueprint: compiled,
      ...PATIENCE,
    });
    return { ...base, rehearsal };
  } catch (error) {
    ctx.log.warn({ err: error, tenantId: tenant.id }, "a tenant's upgrade couldn't be rehearsed");
    return { ...base, rehearsal: { kind: "failed", reason: reasonOf(error) } };
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof TenancyError) return error.message;
  const state = sqlState(error);
  if (state === undefined && !isConnectionLoss(error)) throw error;
  return state === undefined ? "Its server can't be reached." : `PostgreSQL refused (SQLSTATE ${state}).`;
}
