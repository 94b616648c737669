import type { BlueprintRegistry, CompiledBlueprint, LegacySystem } from "@tenantry/schema";
import { TenancyError } from "../errors.ts";

export interface KnownSystem {
  readonly system: LegacySystem;
  /** What its licenses become tenants of. */
  readonly blueprint: CompiledBlueprint;
}

/** The systems that licenses can move in from here, by their names, in the order of the blueprints. */
export function legacySystems(blueprints: BlueprintRegistry): ReadonlyMap<string, KnownSystem> {
  const systems = new Map<string, KnownSystem>();
  for (const blueprint of blueprints.values()) {
    for (const system of blueprint.blueprint.legacy ?? []) {
      if (!systems.has(system.name)) systems.set(system.name, { system, blueprint });
    }
  }
  return systems;
}

/**
 * @throws TenancyError BLUEPRINT_UNKNOWN when this process has no blueprint that knows the system.
 */
export function legacySystem(blueprints: BlueprintRegistry, name: string): KnownSystem {
  const known = legacySystems(blueprints).get(name);
  if (known === undefined) {
    throw new TenancyError(
      "BLUEPRINT_UNKNOWN",
      `No blueprint in this worker knows the legacy system ${name}.`,
      {
        hint: "Start the worker with the blueprint whose `legacy` names it.",
      },
    );
  }
  return known;
}
