import type { LegacyLicense, LegacyMapping, LegacySystem } from "./legacy-system.ts";
import type { SourceDescription } from "./source-description.ts";
import type { TargetDescription } from "./target-description.ts";

export interface PlanInput {
  readonly target: TargetDescription;
  readonly source: SourceDescription;
  readonly mapping: LegacyMapping;
  /** The run's zone for times without one; null for the system's. */
  readonly timeZone: string | null;
  readonly system: LegacySystem;
  readonly owned: LegacyLicense["owned"];
  /** What NULL becomes in a time that a new row would have `now()` in. The present when left out. */
  readonly now?: Date;
}
