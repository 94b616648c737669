import { describe, expect, it } from "vitest";
import { commandRegistry } from "../command-registry.ts";
import { findCommand } from "./find-command.ts";

const hintOf = (...args: string[]): string => {
  try {
    findCommand(commandRegistry, args);
  } catch (error) {
    return String(Reflect.get(error as object, "hint"));
  }
  return "";
};

describe("findCommand", () => {
  it("finds noun and verb, and the commands of one word", () => {
    expect(findCommand(commandRegistry, ["license", "show", "K"])).toMatchObject({
      command: { path: ["license", "show"] },
      rest: ["K"],
    });
    expect(findCommand(commandRegistry, ["doctor", "--fix"])).toMatchObject({
      command: { path: ["doctor"] },
      rest: ["--fix"],
    });
  });

  it("finds none where help is asked for", () => {
    for (const args of [[], ["--help"], ["help"], ["license", "--help"]]) {
      expect(findCommand(commandRegistry, args)).toBeNull();
    }
  });

  it("suggests what was probably meant", () => {
    expect(hintOf("licence", "list")).toContain("`tenantry license`");
    expect(hintOf("operation", "wach")).toContain("`tenantry operation watch`");
    expect(hintOf("license", "lsit")).toContain("`tenantry license list`");
    expect(hintOf("xyzzy")).not.toContain("Did you mean");
    expect(hintOf("license")).toContain("create, list, show");
  });
});
