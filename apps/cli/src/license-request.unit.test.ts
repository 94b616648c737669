import { expect, it } from "vitest";
import { WrongUse } from "./arguments/wrong-use.ts";
import { licenseRequestBody, optionFault } from "./license-request.ts";

it("makes the request's body of the options", () => {
  expect(
    licenseRequestBody({
      client: "Acme",
      "max-users": "5",
      days: "x",
      param: ["adminTelegramId=42", "title=a=b", 'code="42"'],
      "no-wait": true,
      json: true,
    }),
  ).toEqual({
    clientName: "Acme",
    maxUsers: 5,
    durationDays: "x",
    parameters: { adminTelegramId: 42, title: "a=b", code: "42" },
  });
});

it("refuses a parameter without a name", () => {
  expect(() => licenseRequestBody({ param: ["novalue", "=x"] })).toThrow(WrongUse);
});

it("tells faults by the options' names", () => {
  expect(optionFault({ pointer: "/clientName", detail: "is required" })).toBe("--client is required");
  expect(optionFault({ pointer: "/durationDays", detail: "excludes expiresAt: give one of the two" })).toBe(
    "--days excludes --expires: give one of the two",
  );
  expect(optionFault({ pointer: "/parameters/x", detail: "is not a known field" })).toBe(
    "--param x is not a known field",
  );
  expect(optionFault({ pointer: "/adminPassword", detail: "is too short" })).toBe(
    "the administrator's password is too short",
  );
});
