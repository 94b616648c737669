import type { CompiledBlueprint, ControlDatabase } from "@tenantry/schema";
import { versionCount } from "@tenantry/schema";
import { sql } from "kysely";
import { acceptOperation, type WorkOutcome } from "../accept-operation.ts";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import type { Caller } from "../idempotency.ts";
import type { RunAnswer } from "../run.ts";
import type { FleetMigrationInput } from "./fleet-request.ts";
import { versionsOf } from "./fleet-versions.ts";

/** Each wave is so many times larger than the one before. */
const GROWTH = 4;

/**
 * Accepts that the tenants of a blueprint that are behind are brought to its last version. A worker plans the waves, and
 * does them.
 *
 * @throws TenancyError BLUEPRINT_UNKNOWN; LICENSE_NOT_FOUND; STATE_CONFLICT while another run of that blueprint is under way;
 * TENANT_NEWER when a tenant is at a version that this build doesn't know; MIGRATION_BREAKS; IDEMPOTENCY_KEY_REUSED.
 */
export function migrateFleet(
  ctx: TenancyContext,
  input: FleetMigrationInput,
  caller: Caller,
): Promise<WorkOutcome<RunAnswer>> {
  const compiled = ctx.blueprints.get(input.blueprint);
  if (compiled === undefined) {
    throw new TenancyError("BLUEPRINT_UNKNOWN", `There is no blueprint ${input.blueprint} here.`);
  }
  return acceptOperation(
    ctx,
    {
      kind: "migrate-fleet",
      input: { ...input, version: compiled.version },
      lock: (transaction) => lockFleet(transaction, input.blueprint),
      check: async (transaction) => {
        await assertNoOpenRun(transaction, input.blueprint);
        await assertLicenses(transaction, input);
        await assertPossible(transaction, compiled, input);
        return { licenseId: null };
      },
      prepare: async (transaction, operationId) => {
        await transaction
          .insertInto("fleet_runs")
          .values({
            operation_id: operationId,
            blueprint: input.blueprint,
            version: compiled.version,
            max_failures: String(input.maxFailures),
            growth: GROWTH,
          })
          .execute();
        return {};
      },
    },
    caller,
  );
}

/** One who begins a run of a blueprint, or begins one again, at a time. */
export async function lockFleet(transaction: ControlDatabase, blueprint: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`tenantry fleet ${blueprint}`}, 0))`.execute(
    transaction,
  );
}

/**
 * @param own the run that asks
 * @throws TenancyError STATE_CONFLICT naming the run that is under way.
 */
export async function assertNoOpenRun(
  transaction: ControlDatabase,
  blueprint: string,
  own: string | null = null,
): Promise<void> {
  const open = await transaction
    .selectFrom("fleet_runs")
    .innerJoin("operations", "operations.id", "fleet_runs.operation_id")
    .select(["operations.id", "fleet_runs.paused_at"])
    .where("fleet_runs.blueprint", "=", blueprint)
    .where("operations.state", "in", ["queued", "running"])
    .where(sql<boolean>`operations.id is distinct from ${own}::uuid`)
    .executeTakeFirst();
  if (open === undefined) return;
  const what = open.paused_at === null ? "under way" : "paused";
  throw new TenancyError(
    "STATE_CONFLICT",
    `Fleet migration ${open.id} of blueprint ${blueprint} is ${what}.`,
    {
      hint:
        open.paused_at === null
          ? `Wait for its end, or cancel it: \`tenantry fleet cancel ${open.id}\`.`
          : `Have it go on, or cancel it: \`tenantry fleet resume ${open.id}\`, \`tenantry fleet cancel ${open.id}\`.`,
    },
  );
}

async function assertLicenses(
  transaction: ControlDatabase,
  { blueprint, licenseKeys, canary }: FleetMigrationInput,
): Promise<void> {
  const keys = [...(licenseKeys ?? []), ...(Array.isArray(canary) ? (canary as string[]) : [])];
  if (keys.length === 0) return;
  const known = await transaction
    .selectFrom("licenses")
    .select(["key", "blueprint"])
    .where("key", "=", sql<string>`any(${keys}::text[])`)
    .execute();
  const missing = keys.filter((key) => !known.some((license) => license.key === key));
  if (missing.length > 0) {
    const more = missing.length > 3 ? ` and ${missing.length - 3} more` : "";
    throw new TenancyError(
      "LICENSE_NOT_FOUND",
      `There is no license ${missing.slice(0, 3).join(", ")}${more}.`,
    );
  }
  const other = known.find((license) => license.blueprint !== blueprint);
  if (other === undefined) return;
  throw new TenancyError(
    "STATE_CONFLICT",
    `License ${other.key} is of blueprint ${other.blueprint}, not of ${blueprint}.`,
    { hint: "Name licenses of one blueprint at a time." },
  );
}

async function assertPossible(
  transaction: ControlDatabase,
  compiled: CompiledBlueprint,
  input: FleetMigrationInput,
): Promise<void> {
  const versions = await versionsOf(transaction, input.blueprint, input.licenseKeys);
  const newer = versions.filter(({ version }) => versionCount(compiled, version) === 0);
  if (newer.length > 0) {
    const list = newer.map(({ version, tenants }) => `${tenants} at ${version}`).join(", ");
    throw new TenancyError(
      "TENANT_NEWER",
      `Tenants of blueprint ${input.blueprint} are at versions that this Tenantry doesn't know: ${list}. Nothing was changed.`,
    );
  }
  if (input.acceptBreaking || input.dryRun) return;
  const least = Math.min(...versions.map(({ version }) => versionCount(compiled, version)));
  const breaking = compiled.migrations
    .slice(Number.isFinite(least) ? least : compiled.migrations.length)
    .filter(({ breaks }) => breaks !== undefined);
  if (breaking.length === 0) return;
  throw new TenancyError(
    "MIGRATION_BREAKS",
    breaking.map(({ name, breaks }) => `Migration ${name} breaks ${breaks}.`).join(" "),
  );
}
