import {
  isTransient,
  LIMIT_NAMES,
  LIMITS,
  type LimitedTable,
  type LimitName,
  type LimitUses,
  limitsOf,
  type RefusedLimit,
  readLimitUse,
  setLimits,
  sqlState,
} from "@tenantry/schema";
import type { TenancyContext } from "./context.ts";
import { type ErrorCode, TenancyError } from "./errors.ts";
import { placementOf } from "./placement.ts";

const CODES: Readonly<Record<LimitName, ErrorCode>> = {
  users: "USER_LIMIT_REACHED",
  branches: "BRANCH_LIMIT_REACHED",
};
const SINGULAR: Readonly<Record<LimitName, string>> = { users: "user", branches: "branch" };

/** What has to be known of a tenant to find its limits: a row of `tenants` will do. */
export interface LimitedTenant {
  readonly schema_name: string;
  readonly placement: string;
  readonly blueprint: string;
}

export interface LimitChange {
  readonly maxUsers?: number;
  readonly maxBranches?: number;
}

/**
 * Has a tenant's database hold other numbers, at once. Does nothing for a tenant that holds no limits: of a blueprint
 * without them or an older version of one with them, or not made yet. The license's own record is the caller's affair.
 *
 * @throws TenancyError STATE_CONFLICT with the numbers, when more is used than the limit would allow, and UNAVAILABLE
 * when somebody adds rows in a transaction that doesn't end.
 */
export async function changeLimits(
  ctx: TenancyContext,
  tenant: LimitedTenant,
  change: LimitChange,
): Promise<void> {
  const numbers = {
    ...(change.maxUsers === undefined ? {} : { users: change.maxUsers }),
    ...(change.maxBranches === undefined ? {} : { branches: change.maxBranches }),
  };
  if (Object.keys(numbers).length === 0) return;
  const { provisioning } = await placementOf(ctx, tenant);
  const outcome = await setLimits(
    provisioning,
    tenant.schema_name,
    limitedTables(ctx, tenant),
    numbers,
  ).catch((error: unknown) => {
    if (!isTransient(error)) throw error;
    throw new TenancyError("UNAVAILABLE", "The tenant's limits couldn't be changed just now.", {
      retryable: true,
      retryAfterSeconds: 2,
      cause: error,
    });
  });
  if (outcome.kind === "below-use") {
    throw new TenancyError("STATE_CONFLICT", outcome.refused.map(refusal).join(" "), {
      hint: "Deactivate or delete what is too many first, or choose a higher limit.",
    });
  }
}

/** What limits a tenant and how much of it is used; null for a tenant that holds no limits. */
export async function limitUse(ctx: TenancyContext, tenant: LimitedTenant): Promise<LimitUses | null> {
  return readLimitUse(
    (await placementOf(ctx, tenant)).provisioning,
    tenant.schema_name,
    limitedTables(ctx, tenant),
  );
}

/** The tables whose rows a tenant's license limits; none where its blueprint isn't known here. */
export function limitedTables(
  ctx: TenancyContext,
  tenant: Pick<LimitedTenant, "blueprint">,
): readonly LimitedTable[] {
  const compiled = ctx.blueprints.get(tenant.blueprint);
  return compiled === undefined ? [] : limitsOf(compiled.blueprint);
}

/** The refusal of a tenant's database to hold more than its license allows, by its SQLSTATE; undefined for other errors. */
export function limitError(error: unknown): TenancyError | undefined {
  const state = sqlState(error);
  const limit = LIMIT_NAMES.find((name) => LIMITS[name] === state);
  if (limit === undefined) return undefined;
  const numbers = readNumbers(error);
  const detail =
    numbers === undefined
      ? `The license allows no more ${limit}.`
      : `The license allows ${amount(limit, numbers.maximum)}, and there would be ${numbers.used}.`;
  return new TenancyError(CODES[limit], detail, { cause: error });
}

/** The numbers that the refusal carries. Whoever may run SQL may raise one of their own, so nothing is taken on trust. */
function readNumbers(error: unknown): { maximum: number; used: number } | undefined {
  const detail: unknown = Reflect.get(Object(error), "detail");
  if (typeof detail !== "string") return undefined;
  try {
    const { maximum, used } = Object(JSON.parse(detail));
    return Number.isSafeInteger(maximum) && Number.isSafeInteger(used) ? { maximum, used } : undefined;
  } catch {
    return undefined;
  }
}

function refusal({ limit, wanted, used }: RefusedLimit): string {
  return `${amount(limit, used)} ${used === 1 ? "is" : "are"} active; the limit can't be lowered to ${wanted}.`;
}

function amount(limit: LimitName, count: number): string {
  return `${count} ${count === 1 ? SINGULAR[limit] : limit}`;
}
