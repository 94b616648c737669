import { describe, expect, it } from "vitest";
import { parseOptions } from "./parse-options.ts";
import { WrongUse } from "./wrong-use.ts";

const command = {
  positionals: [{ name: "KEY", required: true }],
  options: {
    name: { type: "string", value: "NAME", help: "" },
    scope: { type: "string", multiple: true, help: "" },
    wait: { type: "boolean", help: "" },
  },
} as const;

const parse = (...args: string[]) => parseOptions("thing do", command, args);

function faultsOf(...args: string[]): readonly string[] {
  try {
    parse(...args);
  } catch (error) {
    if (error instanceof WrongUse) return error.faults;
    throw error;
  }
  return [];
}

describe("parseOptions", () => {
  it("reads values, repeated values, flags and positionals in any order", () => {
    const parsed = parse("--scope", "a", "K", "--name=N", "--wait", "--scope=b", "--json");
    expect(parsed.values).toMatchObject({ name: "N", scope: ["a", "b"], wait: true });
    expect(parsed.positionals).toEqual(["K"]);
    expect(parsed.json).toBe(true);
  });

  it("takes a value that begins with one dash, and what comes after -- as it is", () => {
    expect(parse("K", "--name", "-5").values).toMatchObject({ name: "-5" });
    expect(parse("--", "--name").positionals).toEqual(["--name"]);
  });

  it("takes a letter for an option, and any number of the last positional", () => {
    const archive = {
      positionals: [{ name: "KEY", required: false, repeated: true }],
      options: { out: { type: "string", short: "o", value: "FILE", help: "" } },
    } as const;
    const parsed = parseOptions("thing do", archive, ["A", "-o", "file", "B", "C"]);
    expect(parsed).toMatchObject({ values: { out: "file" }, positionals: ["A", "B", "C"] });
    expect(parseOptions("thing do", archive, ["-o", "-"]).values).toEqual({ out: "-" });
    expect(() => parseOptions("thing do", archive, ["-x", "file"])).toThrow(WrongUse);
  });

  it("asks for help whatever else is wrong", () => {
    expect(parse("--nonsense", "--help").help).toBe(true);
    expect(parse("-h").help).toBe(true);
  });

  it("names every fault at once", () => {
    expect(faultsOf("--nam", "x", "--wait=yes", "--name")).toEqual([
      "--nam is no option; did you mean --name?",
      "--wait takes no value",
      "--name needs a value: --name NAME",
      "KEY is missing",
    ]);
    expect(faultsOf("K", "L")).toEqual(['"L" is one argument too many']);
    expect(faultsOf("K", "--name", "a", "--name", "b")).toEqual(["--name is given twice"]);
  });

  it("doesn't take the next option for a value", () => {
    expect(faultsOf("K", "--name", "--wait")).toContain("--name needs a value: --name NAME");
  });

  it("says why there is no option for a secret", () => {
    expect(faultsOf("K", "--password", "hunter2")).toEqual([
      "--password is no option: a secret is never an argument, since others can read those",
    ]);
  });

  it("isn't fooled by names that every object has", () => {
    expect(faultsOf("K", "--constructor", "--__proto__", "x")).toHaveLength(2);
  });
});
