import type { ControlDatabase, ControlTables, SpareState } from "@tenantry/schema";
import type { Selectable } from "kysely";
import { nextSpareState, type SpareEvent, spareStatesBefore } from "./spare-state.ts";

export type SpareRow = Selectable<ControlTables["spares"]>;

/** An UPDATE of spares by an event, for those whose state it fits. */
export function advanceSpares(control: ControlDatabase, event: SpareEvent) {
  const before = spareStatesBefore(event);
  const [after] = before.map((state): SpareState | undefined => nextSpareState(state, event));
  if (after === undefined) throw new Error(`no spare comes to ${event}`);
  return control.updateTable("spares").set({ state: after }).where("state", "in", before);
}
