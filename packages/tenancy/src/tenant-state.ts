import type { TenantState } from "@tenantry/schema";

export type TenantEvent =
  | "provisioned"
  | "provisioning-failed"
  | "provisioning-retried"
  | "delete"
  | "deleted"
  /** The deletion was given up before anything was dropped: of a tenant in use, or of one that was never made. */
  | "delete-undone"
  | "delete-undone-unmade"
  /** A backup was put in its place. */
  | "restored";

const TRANSITIONS: Readonly<Record<TenantState, Partial<Record<TenantEvent, TenantState>>>> = {
  provisioning: { provisioned: "ready", "provisioning-failed": "failed" },
  failed: { "provisioning-retried": "provisioning", delete: "deleting", restored: "ready" },
  ready: { delete: "deleting", restored: "ready" },
  deleting: { deleted: "deleted", "delete-undone": "ready", "delete-undone-unmade": "failed" },
  deleted: { restored: "ready" },
};

/** The state after an event, or undefined when the event doesn't fit the state. */
export function nextTenantState(state: TenantState, event: TenantEvent): TenantState | undefined {
  return TRANSITIONS[state][event];
}
