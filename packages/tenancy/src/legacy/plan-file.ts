import { describeTarget, type PlannedImport, planImport, type SourceDescription } from "@tenantry/schema";
import { DEFAULT_PLACEMENT, type TenancyContext } from "../context.ts";
import { placementOf } from "../placement.ts";
import type { StoredPlan } from "./legacy-item.ts";
import type { LegacyMigrationInput } from "./legacy-migration-request.ts";
import type { KnownSystem } from "./legacy-systems.ts";
import type { LicenseFacts } from "./license-facts.ts";

/**
 * What is read of a license's file, and into what, by the tables that it was found to hold.
 *
 * @param now when the run was planned: each attempt gives rows without a time the same one.
 */
export async function planFile(
  ctx: TenancyContext,
  { system, blueprint }: KnownSystem,
  input: Pick<LegacyMigrationInput, "timeZone">,
  source: SourceDescription,
  owned: LicenseFacts["owned"],
  now: Date,
): Promise<PlannedImport> {
  const { provisioning } = await placementOf(ctx, { placement: DEFAULT_PLACEMENT });
  const target = await describeTarget(provisioning, blueprint);
  return planImport({
    target,
    source,
    mapping: system.mapping,
    timeZone: input.timeZone,
    system,
    owned,
    now,
  });
}

/** What is kept of a plan for people. The plan itself follows from the file's description whenever it is needed. */
export function storedPlan({ plan, ...differences }: PlannedImport, source: SourceDescription): StoredPlan {
  const rows = new Map(source.tables.map((table) => [table.name, table.rows]));
  const tables = plan.tables.map((table) => ({
    source: table.source,
    target: table.target,
    extra: table.extra,
    rows: rows.get(table.source) ?? 0,
  }));
  return { ...differences, tables };
}
