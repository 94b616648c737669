import { TENANT_STATES } from "@tenantry/schema";
import { describe, expect, it } from "vitest";
import { extendedEnd } from "./license-term.ts";
import { LICENSE_VERBS, type LicenseVerb, licenseRefusal } from "./license-verbs.ts";

const now = new Date("2026-06-01T12:00:00Z");
const past = new Date("2026-05-01T12:00:00Z");
const future = new Date("2026-07-01T12:00:00Z");

function fitting(is_active: boolean, suspended_at: Date | null, expires_at: Date | null): LicenseVerb[] {
  return LICENSE_VERBS.filter(
    (verb) => licenseRefusal(verb, { is_active, suspended_at, expires_at }, "ready", now) === null,
  );
}

describe("what may be done to a license", () => {
  it.each([
    ["active", true, null, future, ["change", "suspend", "deactivate", "extend"]],
    ["active for ever", true, null, null, ["change", "suspend", "deactivate"]],
    ["expired", true, null, past, ["change", "suspend", "deactivate", "extend"]],
    ["suspended", true, past, future, ["change", "resume", "deactivate", "extend"]],
    ["suspended and expired", true, past, past, ["change", "resume", "deactivate", "extend"]],
    ["inactive", false, null, future, ["change", "suspend", "activate", "extend"]],
    ["inactive and suspended", false, past, null, ["change", "resume", "activate"]],
  ] as const)("while it is %s", (_, isActive, suspendedAt, expiresAt, verbs) => {
    expect(fitting(isActive, suspendedAt, expiresAt)).toEqual(verbs);
  });

  it("always leaves a way back into use", () => {
    for (const isActive of [true, false]) {
      for (const suspendedAt of [null, past]) {
        const verbs = fitting(isActive, suspendedAt, past);
        expect(verbs).toContain("extend");
        expect(verbs.includes("activate")).toBe(!isActive);
        expect(verbs.includes("resume")).toBe(suspendedAt !== null);
      }
    }
  });

  it("is nothing once its tenant is being deleted, and doesn't depend on the tenant otherwise", () => {
    const license = { is_active: true, suspended_at: null, expires_at: future };
    for (const state of [...TENANT_STATES, null]) {
      const gone = state === "deleting" || state === "deleted";
      for (const verb of ["change", "suspend", "deactivate", "extend"] as const) {
        expect(licenseRefusal(verb, license, state, now) !== null, `${verb} of ${state}`).toBe(gone);
      }
    }
  });
});

describe("extending", () => {
  it("counts from the end, or from now when that has passed", () => {
    expect(extendedEnd(future, 7, now)).toEqual(new Date("2026-07-08T12:00:00Z"));
    expect(extendedEnd(past, 7, now)).toEqual(new Date("2026-06-08T12:00:00Z"));
  });

  it("ends with the year 9999", () => {
    expect(extendedEnd(new Date("9999-12-30T00:00:00Z"), 1, now)).toEqual(new Date("9999-12-31T00:00:00Z"));
    expect(extendedEnd(new Date("9999-12-30T00:00:00Z"), 2, now)).toBeNull();
    expect(extendedEnd(new Date(8.64e15), 36_500, now)).toBeNull();
  });
});
