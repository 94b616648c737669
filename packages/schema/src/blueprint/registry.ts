import { type CompiledBlueprint, compileBlueprint } from "./compile.ts";
import type { Blueprint } from "./define.ts";

/** The blueprints that an installation offers, compiled. */
export type BlueprintRegistry = ReadonlyMap<string, CompiledBlueprint>;

/** Compiles every blueprint, so that a faulty one stops the start rather than a customer's creation. */
export async function createBlueprintRegistry(blueprints: readonly Blueprint[]): Promise<BlueprintRegistry> {
  const compiled = await Promise.all(blueprints.map(compileBlueprint));
  return new Map(compiled.map((entry) => [entry.blueprint.name, entry]));
}
