import {
  type CompiledBlueprint,
  isTransient,
  type ProvisionStep,
  provisionTenant,
  sqlState,
  violatedConstraint,
} from "@tenantry/schema";
import { claimStanding } from "./claim.ts";
import type { Placement, TenancyContext } from "./context.ts";
import { TenancyError } from "./errors.ts";
import { type CreateTenantResult, finishCreation } from "./finish-creation.ts";
import type { LicenseRow, TenantRow } from "./license-view.ts";
import type { OperationHandler, OperationWork, WorkResult } from "./operation-work.ts";
import { atPace } from "./pace/at-pace.ts";
import { paceOf } from "./pace/pace.ts";
import { placementOf } from "./placement.ts";
import { settleLimits } from "./settle-limits.ts";
import { tenantGateway, withGateway } from "./tenant-connection.ts";
import { ensureTenantRedis } from "./tenant-redis.ts";
import { type TakenSpare, takeSpare } from "./warm/take-spare.ts";

const PERCENT: Readonly<Record<"license" | ProvisionStep | "ready", number>> = {
  license: 5,
  schema: 10,
  tables: 20,
  "default data": 80,
  access: 90,
  ready: 100,
};

/**
 * Makes the tenant of a license that was accepted. May run twice, at once, or after any crash: the schema's marker tells
 * what is there already.
 */
export const createTenant: OperationHandler = async (ctx, work) => {
  const loaded = await loadWork(ctx, work.operation.license_id);
  const { license } = loaded;
  // A run that is retried doesn't ask what has become of each tenant since.
  if (loaded.tenant.state === "deleting" || loaded.tenant.state === "deleted") {
    throw new TenancyError("STATE_CONFLICT", `The tenant is ${loaded.tenant.state}; it isn't made again.`);
  }
  const compiled = ctx.blueprints.get(loaded.tenant.blueprint);
  if (compiled === undefined) {
    throw new TenancyError(
      "BLUEPRINT_UNKNOWN",
      `There is no blueprint ${loaded.tenant.blueprint} in this worker.`,
    );
  }
  const placement = await placementOf(ctx, loaded.tenant);
  const creation: Creation = { work, license, tenant: loaded.tenant, compiled, placement };
  // Those of a run stand behind others: what was made ahead is for whoever waits for a single license.
  const mayTake = loaded.spareWaits && work.operation.parent_id === null;
  const ended = mayTake ? await takeOrMake(ctx, creation) : await make(ctx, creation);
  if (ended.kind === "succeeded") {
    // The tenant is ready whatever becomes of this; the doctor finds and mends limits that differ.
    await settleLimits(ctx, license, loaded.tenant).catch((error: unknown) => {
      ctx.log.error({ err: error, licenseKey: license.key }, "the tenant's limits couldn't be settled");
    });
  }
  return ended;
};

/** A tenant that is to be, and what it is made of. */
interface Creation {
  readonly work: OperationWork;
  readonly license: SoldLicense;
  readonly tenant: TenantRow;
  readonly compiled: CompiledBlueprint;
  readonly placement: Placement;
}

function reportStep({ work }: Creation, name: keyof typeof PERCENT, message: string): void {
  work.report({ percent: PERCENT[name], step: name, message, done: 0, total: 0 });
}

function resultOf({ license, tenant, compiled }: Creation): CreateTenantResult {
  return {
    licenseKey: license.key,
    schema: tenant.schema_name,
    blueprint: tenant.blueprint,
    version: compiled.version,
    tables: compiled.tableCount,
  };
}

/** Out of the warm pool, unless there is nothing in it any more. */
async function takeOrMake(ctx: TenancyContext, creation: Creation): Promise<WorkResult> {
  const taken = await take(ctx, creation);
  switch (taken.kind) {
    case "ready":
      return { kind: "succeeded" };
    case "superseded": {
      const standing = await claimStanding(ctx, creation.work.claim);
      return { kind: standing === "cancel-requested" ? "canceled" : "superseded" };
    }
    case "handed-over":
      return finish(ctx, creation, { warm: true });
    case "none":
      return make(ctx, { ...creation, tenant: taken.tenant });
  }
}

async function take(ctx: TenancyContext, creation: Creation): Promise<TakenSpare> {
  const { work, license, tenant, compiled, placement } = creation;
  return takeSpare(ctx, {
    claim: work.claim,
    tenant,
    placement,
    compiled,
    seed: seedInput(license),
    result: { ...resultOf(creation), warm: true },
  }).catch((error: unknown) => {
    throw provisioningError(tenant, error);
  });
}

/** Out of nothing. */
async function make(ctx: TenancyContext, creation: Creation): Promise<WorkResult> {
  const { work, license, tenant, compiled, placement } = creation;
  // Not before: out of the pool it is over sooner than it is told.
  reportStep(creation, "license", `License ${license.key}, blueprint ${compiled.blueprint.name}`);
  const messages: Record<ProvisionStep, string> = {
    schema: `Creating schema ${tenant.schema_name}`,
    tables: `Creating ${compiled.tableCount} tables`,
    "default data": "Writing default data",
    access: `Creating role ${tenant.role_name}`,
  };
  let canceled = false;
  const gateway = tenantGateway(ctx, tenant);
  const provision = () =>
    provisionTenant(placement.provisioning, {
      tenantId: tenant.id,
      operationId: work.operation.id,
      schema: tenant.schema_name,
      role: tenant.role_name,
      gateway,
      blueprint: compiled,
      seed: seedInput(license),
      mayProceed: async () => {
        const standing = await claimStanding(ctx, work.claim);
        canceled = standing === "cancel-requested";
        return standing === "valid";
      },
      onStep: (name) => reportStep(creation, name, messages[name]),
    });
  // Somebody waits for a single license; only those of a run give way to others.
  const pace = work.operation.parent_id === null ? "full" : paceOf(work.operation.input);
  const outcome = await atPace(ctx, placement, pace, () =>
    withGateway(ctx, placement, gateway, provision),
  ).catch((error: unknown) => {
    throw provisioningError(tenant, error);
  });
  switch (outcome.kind) {
    case "name-taken":
      throw outcome.what === "schema"
        ? new TenancyError("SCHEMA_TAKEN", `Schema ${tenant.schema_name} exists and isn't this tenant's.`)
        : new TenancyError("ROLE_TAKEN", `Role ${tenant.role_name} exists and isn't this tenant's.`);
    case "superseded":
      return canceled ? { kind: "canceled" } : { kind: "superseded" };
    case "already-there":
    case "created":
      return finish(ctx, creation, {});
  }
}

async function finish(
  ctx: TenancyContext,
  creation: Creation,
  extra: Pick<CreateTenantResult, "warm">,
): Promise<WorkResult> {
  const { work, tenant } = creation;
  await ensureTenantRedis(ctx, tenant);
  const result = { ...resultOf(creation), ...extra };
  const done = await finishCreation(ctx, ctx.control, work.claim, tenant, result).executeTakeFirst();
  return (done.numInsertedOrUpdatedRows ?? 0n) > 0n ? { kind: "succeeded" } : { kind: "superseded" };
}

/** What a seed needs to know of the license. */
export type SoldLicense = Pick<
  LicenseRow,
  | "key"
  | "client_name"
  | "email"
  | "phone"
  | "company"
  | "max_users"
  | "max_branches"
  | "parameters"
  | "admin_username"
  | "admin_password_hash"
>;

async function loadWork(
  ctx: TenancyContext,
  licenseId: string | null,
): Promise<{ license: SoldLicense; tenant: TenantRow; spareWaits: boolean }> {
  // One query for all: each costs a round trip and, after another tenant was made, a look into a cold catalog cache.
  const row = await ctx.control
    .selectFrom("licenses")
    .innerJoin("tenants", "tenants.license_id", "licenses.id")
    .selectAll("tenants")
    .select([
      "licenses.key",
      "licenses.client_name",
      "licenses.email",
      "licenses.phone",
      "licenses.company",
      "licenses.max_users",
      "licenses.max_branches",
      "licenses.parameters",
      "licenses.admin_username",
      "licenses.admin_password_hash",
    ])
    .select(({ exists, selectFrom }) =>
      exists(
        selectFrom("spares")
          .select("spares.id")
          .whereRef("spares.placement", "=", "tenants.placement")
          .whereRef("spares.blueprint", "=", "tenants.blueprint")
          .where((eb) =>
            eb.or([eb("spares.state", "=", "ready"), eb("spares.tenant_id", "=", eb.ref("tenants.id"))]),
          ),
      ).as("spare_waits"),
    )
    .where("licenses.id", "=", licenseId)
    .executeTakeFirst();
  if (row === undefined)
    throw new TenancyError("TENANT_NOT_FOUND", "The operation's license or tenant is gone.");
  const { spare_waits, ...both } = row;
  return { license: both, tenant: both, spareWaits: Boolean(spare_waits) };
}

export function seedInput(license: SoldLicense) {
  return {
    license: {
      key: license.key,
      clientName: license.client_name,
      email: license.email,
      phone: license.phone,
      company: license.company,
      maxUsers: license.max_users,
      maxBranches: license.max_branches,
    },
    admin:
      license.admin_username === null || license.admin_password_hash === null
        ? null
        : { username: license.admin_username, passwordHash: license.admin_password_hash },
    parameters: license.parameters,
  };
}

/** Names the trouble by SQLSTATE and constraint. PostgreSQL's own sentence may quote a row, so it goes to the log only. */
export function provisioningError(tenant: TenantRow, error: unknown): unknown {
  // It has its name already: Redis that is away, for one.
  if (error instanceof TenancyError) return error;
  const state = sqlState(error);
  if (isTransient(error)) {
    return new TenancyError("UNAVAILABLE", "PostgreSQL is away or busy; the work will be tried again.", {
      retryable: true,
      hint: "Nothing to do unless it lasts: see whether PostgreSQL is up.",
      cause: error,
    });
  }
  if (state === undefined) return error;
  const constraint = violatedConstraint(error);
  const where = constraint === undefined ? "" : `, constraint ${constraint}`;
  return new TenancyError(
    "PROVISIONING_FAILED",
    `PostgreSQL refused a statement of blueprint ${tenant.blueprint} (SQLSTATE ${state}${where}). Nothing was left behind.`,
    { cause: error },
  );
}
