import { OPERATION_STATES, TENANT_STATES } from "@tenantry/schema";
import { describe, expect, it } from "vitest";
import { isFinished, nextOperationState, type OperationEvent, statesBefore } from "./operation-state.ts";
import { nextTenantState } from "./tenant-state.ts";

const EVENTS: OperationEvent[] = ["start", "requeue", "succeed", "fail", "cancel", "retry"];

describe("an operation", () => {
  it("that succeeded never changes again", () => {
    expect(EVENTS.map((event) => nextOperationState("succeeded", event))).toEqual(
      EVENTS.map(() => undefined),
    );
  });

  it("comes back from failed and canceled only by a retry", () => {
    for (const state of ["failed", "canceled"] as const) {
      for (const event of EVENTS) {
        expect(nextOperationState(state, event)).toBe(event === "retry" ? "queued" : undefined);
      }
    }
  });

  it("succeeds, and is given back, only from running", () => {
    expect(statesBefore("succeed")).toEqual(["running"]);
    expect(statesBefore("requeue")).toEqual(["running"]);
  });

  it("is finished in exactly the states that nothing but a retry leaves", () => {
    expect(OPERATION_STATES.filter(isFinished)).toEqual(["succeeded", "failed", "canceled"]);
  });
});

describe("a tenant", () => {
  it("is ready only after it was provisioned, and deleted for ever", () => {
    expect(TENANT_STATES.filter((state) => nextTenantState(state, "provisioned") === "ready")).toEqual([
      "provisioning",
    ]);
    expect(nextTenantState("deleted", "provisioning-retried")).toBeUndefined();
  });
});
