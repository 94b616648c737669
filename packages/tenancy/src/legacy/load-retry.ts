import type { CompiledBlueprint, ImportPlan, SourceDescription } from "@tenantry/schema";
import type { TenancyContext } from "../context.ts";
import type { TenantRow } from "../license-view.ts";
import type { LegacyMigrationInput } from "./legacy-migration-request.ts";
import { legacySystem } from "./legacy-systems.ts";
import type { LicenseFacts } from "./license-facts.ts";
import { planFile } from "./plan-file.ts";

/** A license's tenant, and how its file's rows are read. */
export interface RetryTarget {
  readonly tenant: TenantRow;
  readonly blueprint: CompiledBlueprint;
  readonly plan: ImportPlan;
}

/** Where rows of a license's quarantine go, and how they are read; or, in a sentence, why they can't go anywhere. */
export async function loadRetry(ctx: TenancyContext, itemId: string): Promise<RetryTarget | string> {
  const item = await ctx.control
    .selectFrom("legacy_items")
    .innerJoin("legacy_runs", "legacy_runs.operation_id", "legacy_items.run_id")
    .innerJoin("operations", "operations.id", "legacy_items.run_id")
    .select([
      "legacy_items.tenant_id",
      "legacy_items.outcome",
      "legacy_items.facts",
      "legacy_items.description",
      "legacy_runs.planned_at",
      "operations.input",
    ])
    .where("legacy_items.id", "=", itemId)
    .executeTakeFirstOrThrow();
  const tenant = await ctx.control
    .selectFrom("tenants")
    .selectAll()
    .where("id", "=", item.tenant_id)
    .executeTakeFirst();
  if (tenant === undefined || item.outcome !== "imported") return "The license hasn't moved in.";
  if (tenant.state !== "ready") return `The license's tenant is ${tenant.state}.`;
  const input = item.input as unknown as LegacyMigrationInput;
  const known = legacySystem(ctx.blueprints, input.system);
  const description = item.description as SourceDescription | null;
  // It goes with the last row that waited.
  if (description === null) return { tenant, blueprint: known.blueprint, plan: { tables: [] } };
  const { owned } = item.facts as LicenseFacts;
  const { plan } = await planFile(ctx, known, input, description, owned, item.planned_at);
  return { tenant, blueprint: known.blueprint, plan };
}
