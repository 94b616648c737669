import type { KeptRows, SourceDescription } from "@tenantry/schema";
import type { TenancyContext } from "../context.ts";
import type { StoredError } from "../errors.ts";
import type { LegacyItemRow } from "./legacy-item.ts";
import type { LegacyMigrationInput } from "./legacy-migration-request.ts";
import { type KnownSystem, legacySystem } from "./legacy-systems.ts";
import type { LicenseFacts } from "./license-facts.ts";

/** One license on its move: what the plan kept of it, and of its run. */
export interface Moving {
  readonly item: LegacyItemRow & { readonly license_key: string };
  readonly facts: LicenseFacts;
  readonly kept: readonly KeptRows[];
  readonly description: SourceDescription | null;
  readonly known: KnownSystem;
  readonly input: LegacyMigrationInput;
  /** The source's folder, absolute. */
  readonly root: string;
  readonly plannedAt: Date;
  /** Who asked for the run, for the license's history. */
  readonly actor: string;
}

/** What a child has to do; or why it can't be done, known since the plan. */
export async function loadMoving(
  ctx: TenancyContext,
  operationId: string,
): Promise<
  | { readonly kind: "moving"; readonly moving: Moving }
  | { readonly kind: "refused"; readonly error: StoredError }
> {
  const row = await ctx.control
    .selectFrom("legacy_items")
    .innerJoin("legacy_runs", "legacy_runs.operation_id", "legacy_items.run_id")
    .innerJoin("operations as run", "run.id", "legacy_items.run_id")
    .selectAll("legacy_items")
    .select((eb) => [
      "legacy_runs.root",
      "legacy_runs.planned_at",
      "run.input",
      eb
        .selectFrom("operation_events")
        .select("actor")
        .whereRef("operation_events.operation_id", "=", "legacy_items.run_id")
        .where("type", "=", "accepted")
        .orderBy("operation_events.id")
        .limit(1)
        .as("actor"),
    ])
    .where("legacy_items.operation_id", "=", operationId)
    .executeTakeFirstOrThrow();
  const { root, planned_at: plannedAt, input, actor, ...item } = row;
  const { license_key, facts } = item;
  if (item.refused) return { kind: "refused", error: item.error as StoredError };
  if (license_key === null || facts === null) throw new Error(`legacy item ${item.id} has no license`);
  const asked = input as unknown as LegacyMigrationInput;
  return {
    kind: "moving",
    moving: {
      item: { ...item, license_key },
      facts: facts as LicenseFacts,
      kept: (item.kept ?? []) as readonly KeptRows[],
      description: item.description as SourceDescription | null,
      known: legacySystem(ctx.blueprints, asked.system),
      input: asked,
      root,
      plannedAt,
      actor: actor ?? "run",
    },
  };
}
