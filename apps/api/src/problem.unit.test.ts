import { REMEDIES, TenancyError, validationError } from "@tenantry/tenancy";
import { expect, test } from "vitest";
import { describe as describeProblem, statusOf, toProblem } from "./problem.ts";
import { asTenancyError } from "./request-error.ts";

test("every code has an error status", () => {
  for (const code of Object.keys(REMEDIES) as (keyof typeof REMEDIES)[]) {
    expect(statusOf(code)).toBeGreaterThanOrEqual(400);
    expect(statusOf(code)).toBeLessThan(600);
  }
});

test("a validation problem lists its faults, others have no list", () => {
  const faults = [{ pointer: "/maxUsers", detail: "must be >= 1" }];
  expect(toProblem(validationError(faults), "/v1/licenses")).toEqual({
    type: "urn:tenantry:problem:VALIDATION_FAILED",
    title: "The request is wrong",
    status: 400,
    detail: "The request has 1 fault.",
    instance: "/v1/licenses",
    code: "VALIDATION_FAILED",
    hint: REMEDIES.VALIDATION_FAILED,
    errors: faults,
  });
  expect(toProblem(new TenancyError("LICENSE_NOT_FOUND", "x"), "/")).not.toHaveProperty("errors");
});

test("a stored error with a code of a newer version is told as it is", () => {
  const stored = { code: "FROM_THE_FUTURE", detail: "d", hint: "h" } as unknown as Parameters<
    typeof describeProblem
  >[0];
  expect(describeProblem(stored, "/x")).toMatchObject({ code: "FROM_THE_FUTURE", detail: "d", status: 500 });
});

test("an unexpected error says nothing of the inside", () => {
  const problem = toProblem(asTenancyError(new Error('relation "licenses" does not exist')), "/");
  expect(problem).toMatchObject({ code: "INTERNAL", status: 500 });
  expect(JSON.stringify(problem)).not.toContain("licenses");
});

test("a lost connection is told as UNAVAILABLE, with a time to come back", () => {
  const lost = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  expect(asTenancyError(lost)).toMatchObject({ code: "UNAVAILABLE", retryAfterSeconds: 2 });
});

test("what a plugin refuses with a 4xx is the caller's mistake", () => {
  const refusal = Object.assign(new Error("secret inside"), { statusCode: 418 });
  const error = asTenancyError(refusal);
  expect(error.code).toBe("VALIDATION_FAILED");
  expect(JSON.stringify(toProblem(error, "/"))).not.toContain("secret");
});
