import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { backupsIn, createLogger, type Installation, openInstallation } from "@tenantry/installation";
import {
  type Blueprint,
  type CompiledBlueprint,
  compileBlueprint,
  LoginPools,
  provisionTenant,
} from "@tenantry/schema";
import { booking } from "@tenantry/schema/blueprints/booking";
import { erp } from "@tenantry/schema/blueprints/erp";
import {
  placementOf,
  provideGateway,
  type TenancyContext,
  type TenantRef,
  tenantGateway,
} from "@tenantry/tenancy";

const compiled = new Map<Blueprint, CompiledBlueprint>();

/** An installation to measure on. Nobody works in it: tenants are made here directly. */
export function openBench(databaseUrl: string): Promise<Installation> {
  return openInstallation({
    databaseUrl,
    redisUrl: null,
    blueprints: [erp, booking],
    role: "bench",
    // Nothing is deleted here.
    backups: backupsIn(join(tmpdir(), "tenantry-bench-backups")),
    legacyDirectory: join(tmpdir(), "tenantry-bench-legacy"),
    provisioningConnections: 2,
    log: createLogger({ level: "error", name: "bench" }),
  });
}

/** Makes a tenant as a worker does, without a license or an operation. */
export async function makeTenant(
  ctx: TenancyContext,
  blueprint: Blueprint,
  ordinal: number,
): Promise<TenantRef> {
  const known = compiled.get(blueprint) ?? (await compileBlueprint(blueprint));
  compiled.set(blueprint, known);
  const tenant: TenantRef = {
    schema_name: `bench_${ordinal}`,
    role_name: `bench_${ctx.installationId}_${ordinal}`,
    placement: "default",
    state: "ready",
    ordinal,
  };
  const placement = await placementOf(ctx, tenant);
  const gateway = tenantGateway(ctx, tenant);
  await provideGateway(ctx, placement, gateway);
  const license = {
    key: `BENCH-${ordinal}`,
    clientName: "Bench",
    email: null,
    phone: null,
    company: null,
    maxUsers: 1000,
    maxBranches: 1000,
  };
  const outcome = await provisionTenant(placement.provisioning, {
    tenantId: randomUUID(),
    operationId: randomUUID(),
    schema: tenant.schema_name,
    role: tenant.role_name,
    gateway,
    blueprint: known,
    seed: {
      license: license,
      admin: null,
      parameters: blueprint === booking ? { adminTelegramId: 4_242_424_242 } : {},
    },
    mayProceed: async () => true,
    onStep: () => undefined,
  });
  if (outcome.kind !== "created") throw new Error(`tenant ${ordinal}: ${outcome.kind}`);
  return tenant;
}

/** The same installation with other connections for tenants' data. */
export function withBudget(
  ctx: TenancyContext,
  databaseUrl: string,
  budget: number,
): { readonly ctx: TenancyContext; close(): Promise<void> } {
  const placement = ctx.placements.main;
  const pools = (perLogin: number) =>
    new LoginPools({
      serverUrl: databaseUrl,
      applicationName: "bench",
      budget,
      perLogin,
      statementTimeout: 30_000,
      lockTimeout: 10_000,
      idleInTransactionTimeout: 60_000,
      onConnectionLost: () => undefined,
    });
  const [gateways, logins] = [pools(budget), pools(Math.min(2, budget))];
  const main = { ...placement, gateways, logins };
  return {
    ctx: { ...ctx, placements: { main, of: async () => main } },
    close: async () => void (await Promise.all([gateways.end(), logins.end()])),
  };
}
