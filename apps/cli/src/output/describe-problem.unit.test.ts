import { ConfigError } from "@tenantry/installation";
import { TenancyError, validationError } from "@tenantry/tenancy";
import { describe, expect, it } from "vitest";
import { CliError, describeProblem } from "./describe-problem.ts";

describe("describeProblem", () => {
  it("keeps code, message and hint of errors that have them", async () => {
    expect(await describeProblem(new CliError("PORT_IN_USE", "Taken.", "Take another."))).toEqual({
      code: "PORT_IN_USE",
      message: "Taken.",
      hint: "Take another.",
      faults: [],
    });
    expect(await describeProblem(new TenancyError("STATE_CONFLICT", "No."))).toMatchObject({
      code: "STATE_CONFLICT",
      message: "No.",
    });
  });

  it("lists every fault", async () => {
    const faults = [{ pointer: "/a", detail: "is wrong" }];
    expect((await describeProblem(validationError(faults))).faults).toEqual(["/a is wrong"]);
    expect(await describeProblem(new ConfigError(["PORT: bad"]))).toMatchObject({
      code: "CONFIG_INVALID",
      faults: ["PORT: bad"],
    });
  });

  it("knows the ways in which PostgreSQL is away or refuses", async () => {
    const withCode = (code: string, message = "text of PostgreSQL") =>
      Object.assign(new Error(message), { code });
    expect(await describeProblem(withCode("ECONNREFUSED"))).toMatchObject({ code: "UNAVAILABLE" });
    expect(await describeProblem(withCode("28P01"))).toMatchObject({ code: "DATABASE_LOGIN_REFUSED" });
    expect(await describeProblem(withCode("3D000"))).toMatchObject({ code: "DATABASE_MISSING" });
    expect(await describeProblem(withCode("42501"))).toMatchObject({ code: "DATABASE_RIGHTS" });
  });

  it("calls anything else a defect", async () => {
    expect(await describeProblem(new TypeError("x is not a function"))).toMatchObject({ code: "INTERNAL" });
    expect(await describeProblem("thrown text")).toMatchObject({ code: "INTERNAL", message: "thrown text" });
  });
});
