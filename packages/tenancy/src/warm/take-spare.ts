import {
  type CompiledBlueprint,
  controlScript,
  type HandOverInput,
  type HandOverOutcome,
  handOver,
  handOverScript,
  pickNamed,
  pickReady,
  type SeedInput,
} from "@tenantry/schema";
import { type Claim, claimStanding } from "../claim.ts";
import { DEFAULT_PLACEMENT, type Placement, type TenancyContext } from "../context.ts";
import { type CreateTenantResult, finishCreation } from "../finish-creation.ts";
import type { TenantRow } from "../license-view.ts";
import { ensureTenantRedis } from "../tenant-redis.ts";
import { advanceSpares, type SpareRow } from "./spares.ts";

export interface TakeSpareInput {
  readonly claim: Claim;
  readonly tenant: TenantRow;
  readonly placement: Placement;
  readonly compiled: CompiledBlueprint;
  readonly seed: SeedInput;
  /** What the operation is to say when it has succeeded. */
  readonly result: CreateTenantResult;
}

export type TakenSpare =
  /** The tenant is ready and the operation has succeeded. */
  | { readonly kind: "ready" }
  /** The schema is the tenant's; nothing says so yet. */
  | { readonly kind: "handed-over" }
  /** The claim is lost, or the operation is to be canceled. */
  | { readonly kind: "superseded" }
  /** There is none to be had: the tenant has to be made. It may have got another number. */
  | { readonly kind: "none"; readonly tenant: TenantRow };

/**
 * Gives a tenant a schema that was made ahead, if there is one. On the control schema's own server that, the registry and
 * the operation's end are one commit. On another the spare is assigned first, so that it is this tenant's whoever dies.
 *
 * @throws the driver's error when a statement fails; nothing was changed then.
 */
export async function takeSpare(ctx: TenancyContext, input: TakeSpareInput): Promise<TakenSpare> {
  return input.placement.name === DEFAULT_PLACEMENT ? takeHere(ctx, input) : takeElsewhere(ctx, input);
}

async function takeHere(ctx: TenancyContext, input: TakeSpareInput): Promise<TakenSpare> {
  const { claim, tenant, placement, compiled, result } = input;
  const script = async () =>
    handOverScript({
      ...handOverInput(input),
      pick: pickReady({ placement: placement.name, blueprint: compiled, tenantId: tenant.id, claim }),
      conclude: await controlScript((control) =>
        finishCreation(ctx, control, claim, tenant, result).execute(),
      ),
    });
  const outcome = await handOver(placement.provisioning, await preparing(ctx, tenant, script));
  return outcome.kind === "handed-over" ? { kind: "ready" } : settle(ctx, outcome, tenant);
}

async function takeElsewhere(ctx: TenancyContext, input: TakeSpareInput): Promise<TakenSpare> {
  const spare = await assignSpare(ctx, input);
  if (spare === null) return { kind: "none", tenant: input.tenant };
  const tenant = { ...input.tenant, ordinal: spare.ordinal };
  if ((await claimStanding(ctx, input.claim)) !== "valid") return { kind: "superseded" };
  const script = () => handOverScript({ ...handOverInput(input), pick: pickNamed(spare), conclude: "" });
  const outcome = await handOver(input.placement.provisioning, await preparing(ctx, tenant, script));
  return outcome.kind === "handed-over" ? { kind: "handed-over" } : settle(ctx, outcome, tenant);
}

/** The tenant's Redis before its schema, since that commit may end the operation; the text is written while Redis answers. */
async function preparing(
  ctx: TenancyContext,
  tenant: TenantRow,
  script: () => Promise<string>,
): Promise<string> {
  const [, text] = await Promise.all([ensureTenantRedis(ctx, tenant), script()]);
  return text;
}

function handOverInput({
  claim,
  tenant,
  compiled,
  seed,
}: TakeSpareInput): Omit<HandOverInput, "pick" | "conclude"> {
  return {
    tenantId: tenant.id,
    operationId: claim.operationId,
    schema: tenant.schema_name,
    role: tenant.role_name,
    blueprint: compiled,
    seed,
  };
}

async function settle(
  ctx: TenancyContext,
  outcome: Exclude<HandOverOutcome, { kind: "handed-over" }>,
  tenant: TenantRow,
): Promise<TakenSpare> {
  switch (outcome.kind) {
    case "superseded":
      return { kind: "superseded" };
    case "broken":
      ctx.log.error(
        { spareId: outcome.spareId, sqlState: outcome.why },
        "a spare isn't what was made; the tenant is made anew",
      );
      await advanceSpares(ctx.control, "given-up").where("id", "=", outcome.spareId).execute();
      return { kind: "none", tenant };
    // Making it finds out whose the name is: perhaps an earlier attempt's.
    case "name-taken":
    case "no-spare":
      return { kind: "none", tenant };
  }
}

/** The spare that an earlier attempt was assigned, or any; with it the tenant takes over its number. */
async function assignSpare(
  ctx: TenancyContext,
  { tenant, placement, compiled }: TakeSpareInput,
): Promise<SpareRow | null> {
  const earlier = await ctx.control
    .selectFrom("spares")
    .selectAll()
    .where("tenant_id", "=", tenant.id)
    .where("state", "=", "assigned")
    .executeTakeFirst();
  if (earlier !== undefined) return earlier;
  return ctx.control.transaction().execute(async (transaction) => {
    const spare = await advanceSpares(transaction, "assigned")
      .set({ tenant_id: tenant.id })
      .where("id", "in", (db) =>
        db
          .selectFrom("spares")
          .select("id")
          .where("placement", "=", placement.name)
          .where("blueprint", "=", compiled.blueprint.name)
          .where("fingerprint", "=", compiled.fingerprint)
          .where("state", "=", "ready")
          .limit(1)
          .forUpdate()
          .skipLocked(),
      )
      .returningAll()
      .executeTakeFirst();
    if (spare === undefined) return null;
    await transaction
      .updateTable("tenants")
      .set({ ordinal: spare.ordinal })
      .where("id", "=", tenant.id)
      .execute();
    return spare;
  });
}
