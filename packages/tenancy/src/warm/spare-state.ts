import type { SpareState } from "@tenantry/schema";

export type SpareEvent =
  | "made"
  /** A tenant on another server than the control schema's is to have it. */
  | "assigned"
  /** Its maker died, it is outdated, broken or one too many; or the tenant that it was for came to nothing. */
  | "given-up";

const TRANSITIONS: Readonly<Record<SpareState, Partial<Record<SpareEvent, SpareState>>>> = {
  making: { made: "ready", "given-up": "retiring" },
  ready: { assigned: "assigned", "given-up": "retiring" },
  assigned: { "given-up": "retiring" },
  retiring: {},
};

/** The state after an event, or undefined when the event doesn't fit the state. */
export function nextSpareState(state: SpareState, event: SpareEvent): SpareState | undefined {
  return TRANSITIONS[state][event];
}

/** The states that an event fits. */
export function spareStatesBefore(event: SpareEvent): SpareState[] {
  return (Object.keys(TRANSITIONS) as SpareState[]).filter(
    (state) => nextSpareState(state, event) !== undefined,
  );
}
