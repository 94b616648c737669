import { tmpdir } from "node:os";
import { join } from "node:path";
import { backupsIn, createLogger, type Installation, openInstallation } from "@tenantry/installation";
import {
  type Caller,
  createLicense,
  migrateFleet,
  parseCreateLicense,
  parseFleetMigration,
  performOperation,
} from "@tenantry/tenancy";
import { inLanes } from "../measuring/lanes.ts";
import { fleetBlueprint } from "./blueprint.ts";

/** Connections that each contender may use at once. */
export const LANES = 4;

const CALLER: Caller = { actor: "bench", apiKeyId: null, idempotency: null };

/** The installation as it is with so many rounds' migrations. */
export function openSite(databaseUrl: string, rounds: number): Promise<Installation> {
  return openInstallation({
    databaseUrl,
    redisUrl: null,
    blueprints: [fleetBlueprint(rounds)],
    role: "bench",
    provisioningConnections: LANES,
    backups: backupsIn(join(tmpdir(), "tenantry-bench-backups")),
    legacyDirectory: join(tmpdir(), "tenantry-bench-legacy"),
    log: createLogger({ level: "error", name: "bench" }),
  });
}

/** Makes tenants at the first version. */
export async function makeTenants({ ctx }: Installation, tenants: number): Promise<void> {
  await inLanes(LANES, tenants, async () => {
    const input = parseCreateLicense(
      { clientName: "Bench", blueprint: "fleet-bench" },
      ctx.blueprints,
      new Date(),
    );
    const { answer } = await createLicense(ctx, input, CALLER);
    await perform(ctx, answer.operation.id);
  });
}

/** A fleet migration from its acceptance to its end, as its worker performs it. @returns seconds */
export async function migrate({ ctx }: Installation): Promise<{ seconds: number; tenants: number }> {
  const begun = performance.now();
  const input = parseFleetMigration({ blueprint: "fleet-bench" }, ctx);
  const { answer } = await migrateFleet(ctx, input, CALLER);
  await perform(ctx, answer.operation.id);
  const seconds = (performance.now() - begun) / 1000;
  const ended = await ctx.control
    .selectFrom("operations")
    .select(["result"])
    .where("id", "=", answer.operation.id)
    .executeTakeFirstOrThrow();
  const { upgraded, tenants } = ended.result as { upgraded: number; tenants: number };
  if (upgraded !== tenants) throw new Error(`${upgraded} of ${tenants} tenants were upgraded`);
  return { seconds, tenants };
}

async function perform(ctx: Installation["ctx"], operationId: string): Promise<void> {
  const outcome = await performOperation(ctx, {
    operationId,
    worker: "bench",
    leaseMs: 60_000,
    maxAttempts: 1,
    sink: { progress: async () => undefined, log: async () => undefined },
  });
  if (outcome.kind !== "succeeded") throw new Error(`operation ${operationId}: ${outcome.kind}`);
}
