import type { OperationState } from "@tenantry/schema";

export type OperationEvent =
  /** A worker took it. */
  | "start"
  /** A worker gave it back, to be tried again later. */
  | "requeue"
  | "succeed"
  | "fail"
  | "cancel"
  /** Somebody asked for it to be done again. */
  | "retry";

const TRANSITIONS: Readonly<Record<OperationState, Partial<Record<OperationEvent, OperationState>>>> = {
  queued: { start: "running", cancel: "canceled", fail: "failed" },
  // `start` from running is a takeover from a worker that went silent.
  running: { start: "running", requeue: "queued", succeed: "succeeded", fail: "failed", cancel: "canceled" },
  succeeded: {},
  failed: { retry: "queued" },
  canceled: { retry: "queued" },
};

/** The state after an event, or undefined when the event doesn't fit the state. */
export function nextOperationState(state: OperationState, event: OperationEvent): OperationState | undefined {
  return TRANSITIONS[state][event];
}

/** The states from which an event may happen: for the WHERE of the statement that makes it happen. */
export function statesBefore(event: OperationEvent): OperationState[] {
  return (Object.keys(TRANSITIONS) as OperationState[]).filter(
    (state) => TRANSITIONS[state][event] !== undefined,
  );
}

/** True when nothing more will happen by itself. */
export function isFinished(state: OperationState): boolean {
  return state === "succeeded" || state === "failed" || state === "canceled";
}
