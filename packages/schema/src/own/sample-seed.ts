import { Compile } from "typebox/compile";
import type { Blueprint, SeedInput } from "../blueprint/define.ts";

/** What a trial's tenant is made of. Its values would break a seed that doesn't write them as literals. */
const LICENSE: SeedInput["license"] = {
  key: "7QKD-M3ZT-0V5H-XA2P",
  clientName: "O'Brien & شركاه \\ {{license.key}}",
  email: "owner@client.example",
  phone: null,
  company: null,
  maxUsers: 5,
  maxBranches: 5,
};
const ADMIN = {
  username: "admin",
  passwordHash: `$argon2id$v=19$m=19456,t=2,p=1$${"A".repeat(22)}$${"A".repeat(43)}`,
};

/** A seed's input for a trial, with parameters made up where `given` has none. */
export function sampleSeed(
  { signIn, parameters: schema }: Blueprint,
  given: Readonly<Record<string, unknown>>,
): SeedInput<Readonly<Record<string, unknown>>> {
  const properties: Readonly<Record<string, unknown>> = Object(Reflect.get(schema, "properties"));
  const required: unknown = Reflect.get(schema, "required");
  const names = Array.isArray(required) ? required.map(String) : [];
  const madeUp = Object.fromEntries(names.map((name) => [name, sampleOf(properties[name])]));
  return { license: LICENSE, admin: signIn ? ADMIN : null, parameters: { ...madeUp, ...given } };
}

/** Parameters that a request would be refused with, by JSON Pointer; those that can't be made up have to be given. */
export function parameterFaults({ parameters }: Blueprint, given: unknown): string[] {
  const validator = Compile(parameters);
  if (validator.Check(given)) return [];
  return validator.Errors(given).map(({ instancePath, message }) => `${instancePath || "/"} ${message}`);
}

function sampleOf(schema: unknown): unknown {
  const of = (keyword: string): unknown => Reflect.get(Object(schema), keyword);
  const first = (list: unknown): unknown => (Array.isArray(list) ? list[0] : undefined);
  const said = of("const") ?? of("default") ?? first(of("examples")) ?? first(of("enum"));
  if (said !== undefined) return said;
  const number = (keyword: string, fallback: number): number => {
    const value = of(keyword);
    return typeof value === "number" ? value : fallback;
  };
  switch (of("type")) {
    case "integer":
    case "number":
      return Math.max(number("minimum", 1), number("exclusiveMinimum", 0) + 1);
    case "boolean":
      return false;
    case "array":
      return [];
    case "object":
      return {};
    default: {
      const text = "it's a sample".padEnd(number("minLength", 0), ".");
      return text.slice(0, number("maxLength", text.length));
    }
  }
}
