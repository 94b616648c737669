import {
  isTransient,
  type ProvisionStep,
  provisionTenant,
  sqlState,
  violatedConstraint,
} from "@tenantry/schema";
import { sql } from "kysely";
import { type Claim, claimStanding, underClaim } from "./claim.ts";
import type { TenancyContext } from "./context.ts";
import { TenancyError } from "./errors.ts";
import type { LicenseRow, TenantRow } from "./license-view.ts";
import { changeLimits } from "./limits.ts";
import type { OperationHandler, WorkResult } from "./operation-work.ts";
import { atPace } from "./pace/at-pace.ts";
import { paceOf } from "./pace/pace.ts";
import { placementOf } from "./placement.ts";
import { tenantGateway, withGateway } from "./tenant-connection.ts";
import { ensureTenantRedis } from "./tenant-redis.ts";
import { nextTenantState } from "./tenant-state.ts";

const PERCENT: Readonly<Record<"license" | ProvisionStep | "ready", number>> = {
  license: 5,
  schema: 10,
  tables: 20,
  "default data": 80,
  access: 90,
  ready: 100,
};

/** What a finished create-tenant operation says of the tenant. */
export interface CreateTenantResult {
  readonly licenseKey: string;
  readonly schema: string;
  readonly blueprint: string;
  readonly version: string;
  readonly tables: number;
}

/**
 * Makes the tenant of a license that was accepted. May run twice, at once, or after any crash: the schema's marker tells
 * what is there already.
 */
export const createTenant: OperationHandler = async (ctx, work) => {
  const { license, tenant } = await loadWork(ctx, work.operation.license_id);
  // A run that is retried doesn't ask what has become of each tenant since.
  if (tenant.state === "deleting" || tenant.state === "deleted") {
    throw new TenancyError("STATE_CONFLICT", `The tenant is ${tenant.state}; it isn't made again.`);
  }
  const compiled = ctx.blueprints.get(tenant.blueprint);
  if (compiled === undefined) {
    throw new TenancyError("BLUEPRINT_UNKNOWN", `There is no blueprint ${tenant.blueprint} in this worker.`);
  }
  const placement = await placementOf(ctx, tenant);
  const step = (name: keyof typeof PERCENT, message: string): void =>
    work.report({ percent: PERCENT[name], step: name, message, done: 0, total: 0 });

  step("license", `License ${license.key}, blueprint ${tenant.blueprint}`);
  const messages: Record<ProvisionStep, string> = {
    schema: `Creating schema ${tenant.schema_name}`,
    tables: `Creating ${compiled.tableCount} tables`,
    "default data": "Writing default data",
    access: `Creating role ${tenant.role_name}`,
  };
  let canceled = false;
  const gateway = tenantGateway(ctx, tenant);
  const make = () =>
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
      onStep: (name) => step(name, messages[name]),
    });
  // Somebody waits for a single license; only those of a run give way to others.
  const pace = work.operation.parent_id === null ? "full" : paceOf(work.operation.input);
  const outcome = await atPace(placement, pace, () => withGateway(ctx, placement, gateway, make)).catch(
    (error: unknown) => {
      throw provisioningError(tenant, error);
    },
  );

  switch (outcome.kind) {
    case "name-taken":
      throw outcome.what === "schema"
        ? new TenancyError("SCHEMA_TAKEN", `Schema ${tenant.schema_name} exists and isn't this tenant's.`)
        : new TenancyError("ROLE_TAKEN", `Role ${tenant.role_name} exists and isn't this tenant's.`);
    case "superseded":
      return canceled ? { kind: "canceled" } : { kind: "superseded" };
    case "already-there":
    case "created": {
      await ensureTenantRedis(ctx, tenant);
      const result: CreateTenantResult = {
        licenseKey: license.key,
        schema: tenant.schema_name,
        blueprint: tenant.blueprint,
        version: compiled.version,
        tables: compiled.tableCount,
      };
      const ended = await finish(ctx, work.claim, tenant, result);
      if (ended.kind === "succeeded") {
        // The tenant is ready whatever becomes of this; the doctor finds and mends limits that differ.
        await settleLimits(ctx, license, tenant).catch((error: unknown) => {
          ctx.log.error({ err: error, licenseKey: license.key }, "the tenant's limits couldn't be settled");
        });
      }
      return ended;
    }
  }
};

/** Tenant ready, license active, operation succeeded: one statement, or nothing when the claim is lost. */
async function finish(
  ctx: TenancyContext,
  claim: Claim,
  tenant: TenantRow,
  result: CreateTenantResult,
): Promise<WorkResult> {
  const ready = nextTenantState("provisioning", "provisioned");
  if (ready === undefined) throw new Error("a provisioned tenant has no next state");
  const done = await ctx.control
    .with("done", () =>
      underClaim(ctx, claim)
        .set({
          state: "succeeded",
          finished_at: sql<Date>`now()`,
          percent: PERCENT.ready,
          step: "ready",
          message: `Tenant ${tenant.schema_name} is ready`,
          result: JSON.stringify(result),
        })
        .returning(["id", "worker", "license_id"]),
    )
    .with("tenant", (db) =>
      db
        .updateTable("tenants")
        .from("done")
        .set({ state: ready, version: result.version, ready_at: sql<Date>`now()` })
        .whereRef("tenants.license_id", "=", "done.license_id")
        .where("tenants.state", "=", "provisioning"),
    )
    .with("license", (db) =>
      db
        .updateTable("licenses")
        .from("done")
        .set({
          activated_at: sql<Date>`coalesce(licenses.activated_at, now())`,
          admin_password_hash: null,
        })
        .whereRef("licenses.id", "=", "done.license_id"),
    )
    .insertInto("operation_events")
    .columns(["operation_id", "type", "actor"])
    .expression((eb) =>
      eb
        .selectFrom("done")
        .select((select) => [
          "done.id",
          select.val("succeeded" as const).as("type"),
          sql<string>`'worker:' || done.worker`.as("actor"),
        ]),
    )
    .executeTakeFirst();
  return (done.numInsertedOrUpdatedRows ?? 0n) > 0n ? { kind: "succeeded" } : { kind: "superseded" };
}

/**
 * Whoever changes a license's limits while its tenant is being made finds no tenant to change: the seed already has the
 * old numbers. Read after the tenant is ready, the license says what it came to; a later change finds the tenant.
 *
 * @param seeded null when that isn't known any more.
 */
export async function settleLimits(
  ctx: TenancyContext,
  seeded: Pick<SoldLicense, "max_users" | "max_branches"> | null,
  tenant: TenantRow,
): Promise<void> {
  const now = await ctx.control
    .selectFrom("licenses")
    .select(["max_users", "max_branches"])
    .where("id", "=", tenant.license_id)
    .executeTakeFirst();
  if (now === undefined) return;
  if (now.max_users === seeded?.max_users && now.max_branches === seeded.max_branches) return;
  await ctx.control.transaction().execute(async (transaction) => {
    const { max_users, max_branches } = await transaction
      .selectFrom("licenses")
      .select(["max_users", "max_branches"])
      .where("id", "=", tenant.license_id)
      .forNoKeyUpdate()
      .executeTakeFirstOrThrow();
    await changeLimits(ctx, tenant, { maxUsers: max_users, maxBranches: max_branches });
  });
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
): Promise<{ license: SoldLicense; tenant: TenantRow }> {
  // One query for both: each costs a round trip and, after another tenant was made, a look into a cold catalog cache.
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
    .where("licenses.id", "=", licenseId)
    .executeTakeFirst();
  if (row === undefined)
    throw new TenancyError("TENANT_NOT_FOUND", "The operation's license or tenant is gone.");
  return { license: row, tenant: row };
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
