import {
  type CompiledBlueprint,
  type Difference,
  type Examination,
  examineStructure,
  isConnectionLoss,
  mendStructure,
  type Pool,
  readReference,
  type StructureReference,
  sqlState,
} from "@tenantry/schema";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import { placementOf } from "../placement.ts";
import { assertChoice, type ChosenTenant, chosenTenants, type FleetChoice } from "./chosen-tenants.ts";
import { fewAtOnce } from "./few-at-once.ts";

/** Tenants that are looked at together: more only keeps others waiting. */
const AT_ONCE = 3;
/** A lock that isn't to be had keeps nobody waiting for long: queries that come later wait behind us. */
const PATIENCE = { lockTimeoutMs: 2_000, statementTimeoutMs: 60_000 };

/** One for each version on each server, for as long as the process runs: blueprints don't change meanwhile. */
const REFERENCES = new WeakMap<TenancyContext, Map<string, Promise<StructureReference | null>>>();

export type DriftState =
  /** As its version is. */
  | "clean"
  /** It differs; what was kept of a legacy system doesn't count. */
  | "drifted"
  /** It differed, and all of it was mended. */
  | "fixed"
  /** Some of it was mended. */
  | "partly-fixed"
  /** It couldn't be looked at or mended, and is as it was. */
  | "failed";

/** What a look at one tenant found, and did. */
export interface TenantDrift {
  readonly licenseKey: string;
  readonly schema: string;
  readonly blueprint: string;
  /** By the tenant's own ledger; null where it couldn't be read. */
  readonly version: string | null;
  readonly placement: string;
  readonly state: DriftState;
  /** What is there now. */
  readonly differences: readonly Difference[];
  /** What was there and is mended. */
  readonly fixed: readonly Difference[];
  /** Why it failed: a sentence without anything of the tenant's own in it. */
  readonly error: string | null;
}

export interface FleetDriftInput extends FleetChoice {
  /** Mend what can be mended without taking anything away. */
  readonly fix: boolean;
}

/**
 * Compares tenants with their blueprint's version, each with that which it has. Results come as they are found, in no order;
 * memory doesn't grow with the number of tenants. One that can't be reached is a result too.
 *
 * @throws TenancyError when what was named isn't there: see `assertChoice`
 */
export async function* fleetDrift(
  ctx: TenancyContext,
  { fix, ...choice }: FleetDriftInput,
): AsyncGenerator<TenantDrift> {
  await assertChoice(ctx, choice);
  const references = REFERENCES.get(ctx) ?? new Map<string, Promise<StructureReference | null>>();
  REFERENCES.set(ctx, references);
  yield* fewAtOnce(chosenTenants(ctx, choice), AT_ONCE, (tenant) =>
    tenantDrift(ctx, tenant, { fix, references }),
  );
}

async function tenantDrift(
  ctx: TenancyContext,
  tenant: ChosenTenant,
  options: { readonly fix: boolean; readonly references: Map<string, Promise<StructureReference | null>> },
): Promise<TenantDrift> {
  const { licenseKey, schema, blueprint, placement: name } = tenant;
  const base = { licenseKey, schema, blueprint, placement: name, version: null, differences: [], fixed: [] };
  try {
    const compiled = ctx.blueprints.get(blueprint);
    if (compiled === undefined)
      return { ...base, state: "failed", error: `There is no blueprint ${blueprint}.` };
    const { provisioning } = await placementOf(ctx, tenant);
    const input = {
      tenant: { tenantId: tenant.id, schema, role: tenant.role, version: tenant.version },
      referenceOf: (version: string) =>
        referenceOf(options.references, provisioning, compiled, name, version),
    };
    const found = await examineStructure(provisioning, input);
    if (!options.fix || !found.differences.some(({ fixable }) => fixable)) return { ...base, ...seen(found) };
    const outcome = await mendStructure(provisioning, { ...input, patience: PATIENCE });
    switch (outcome.kind) {
      case "nothing-to-mend":
        return { ...base, ...seen(outcome.before) };
      case "failed":
        return {
          ...base,
          ...seen(outcome.before),
          state: "failed",
          error: `PostgreSQL refused to make ${outcome.object} (SQLSTATE ${outcome.sqlState}); nothing was changed.`,
        };
      case "mended":
        return { ...base, ...mended(outcome.before, outcome.after) };
    }
  } catch (error) {
    ctx.log.warn({ err: error, tenantId: tenant.id }, "a tenant's structure couldn't be examined");
    return { ...base, state: "failed", error: reasonOf(error) };
  }
}

/** Made once. One that failed is tried again by the next tenant. */
function referenceOf(
  references: Map<string, Promise<StructureReference | null>>,
  pool: Pool,
  compiled: CompiledBlueprint,
  placement: string,
  version: string,
): Promise<StructureReference | null> {
  const key = JSON.stringify([placement, compiled.blueprint.name, version]);
  const known = references.get(key);
  if (known !== undefined) return known;
  const made = readReference(pool, compiled, version);
  references.set(key, made);
  made.catch(() => references.delete(key));
  return made;
}

function seen({ version, differences }: Examination) {
  const state: DriftState = differences.every(({ kept }) => kept) ? "clean" : "drifted";
  return { version, differences, state, error: null };
}

function mended(before: Examination, after: Examination) {
  const left = new Set(after.differences.map(identity));
  const fixed = before.differences.filter((each) => !left.has(identity(each)));
  const state: DriftState = after.differences.every(({ kept }) => kept) ? "fixed" : "partly-fixed";
  return { ...seen(after), state, fixed };
}

function identity({ kind, object, state }: Difference): string {
  return JSON.stringify([kind, object, state]);
}

function reasonOf(error: unknown): string {
  if (error instanceof TenancyError) return error.message;
  const state = sqlState(error);
  if (state === undefined && !isConnectionLoss(error)) throw error;
  return state === undefined
    ? "Its server can't be reached."
    : `PostgreSQL refused to tell of it or to mend it (SQLSTATE ${state}); nothing was changed.`;
}

/**
 * The same for one license's tenant, which is only looked at.
 *
 * @throws TenancyError LICENSE_NOT_FOUND, TENANT_NOT_READY
 */
export async function licenseDrift(ctx: TenancyContext, licenseKey: string): Promise<TenantDrift> {
  for await (const result of fleetDrift(ctx, { fix: false, licenseKeys: [licenseKey] })) return result;
  // It was ready a moment ago.
  throw new TenancyError("TENANT_NOT_READY", "The license's tenant isn't ready any more.");
}
