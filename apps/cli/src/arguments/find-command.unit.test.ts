import { describe, expect, it } from "vitest";
import { commandRegistry, type RegisteredCommand } from "../command-registry.ts";
import { findCommand } from "./find-command.ts";
import { overviewText } from "./help-text.ts";

/** Names of one, two and three words. */
const registry: readonly RegisteredCommand[] = [
  ["up"],
  ["move", "in"],
  ["move", "rest", "show"],
  ["move", "rest", "send"],
].map((path) => ({
  path,
  summary: `Does ${path.join(" ")}`,
  load: () => Promise.reject(new Error("unused")),
}));

const hintOf = (from: readonly RegisteredCommand[], ...args: string[]): string => {
  try {
    findCommand(from, args);
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

  it("finds a verb's own verbs", () => {
    expect(findCommand(registry, ["move", "rest", "send", "X", "--all"])).toMatchObject({
      command: { path: ["move", "rest", "send"] },
      rest: ["X", "--all"],
    });
    expect(findCommand(registry, ["move", "in", "rest"])).toMatchObject({
      command: { path: ["move", "in"] },
      rest: ["rest"],
    });
  });

  it("finds none where help is asked for", () => {
    for (const args of [
      [],
      ["--help"],
      ["help"],
      ["move", "--help"],
      ["move", "-h"],
      ["move", "rest", "--help"],
    ]) {
      expect(findCommand(registry, args)).toBeNull();
    }
    const help = overviewText(registry, ["move", "rest"]);
    expect(help).toContain("Usage: tenantry move rest <verb>");
    expect(help).toContain("move rest show");
    expect(help).toContain("tenantry move rest show --help");
    expect(help).not.toContain("move in");
  });

  it("suggests what was probably meant", () => {
    expect(hintOf(commandRegistry, "licence", "list")).toContain("`tenantry license`");
    expect(hintOf(commandRegistry, "operation", "wach")).toContain("`tenantry operation watch`");
    expect(hintOf(commandRegistry, "license", "lsit")).toContain("`tenantry license list`");
    expect(hintOf(commandRegistry, "xyzzy")).not.toContain("Did you mean");
    expect(hintOf(commandRegistry, "license")).toContain("create, list, show");
    expect(hintOf(registry, "move")).toBe("Say one of: in, rest.");
    expect(hintOf(registry, "move", "rest", "--all")).toBe("Say one of: show, send.");
    expect(hintOf(registry, "move", "rest", "shwo")).toContain("`tenantry move rest show`");
  });

  it("has no name that is the beginning of another: the longer one could never be said", () => {
    const names = commandRegistry.map(({ path }) => path.join(" "));
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => names.some((other) => other.startsWith(`${name} `)))).toEqual([]);
  });
});
